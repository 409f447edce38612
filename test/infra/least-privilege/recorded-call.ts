/** A call to AWS, as record-calls.ts writes it. */
export interface RecordedCall {
  /** `api`, `worker` or `migrate`. */
  program: string;
  /** The service's id in the SDK, as `Secrets Manager`. */
  service: string;
  /** As the SDK's command is called, as `GetObject`. */
  operation: string;
  /** The names of the resources in its input. */
  names: Partial<
    Record<'Bucket' | 'TableName' | 'IndexName' | 'QueueUrl' | 'QueueName' | 'SecretId', string>
  > & {
    /** Of one object, or of several. */
    Key?: string | string[];
  };
  /** HTTP status of the answer; undefined when there was none. */
  status?: number | undefined;
}
