import { type MessageAttributeValue, SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { fullJitter, sleep } from './backoff.ts';
import { BATCH_SIZE, callLimit, failuresOf, isFinal } from './sqs-calls.ts';

/** SQS's limit for a message and for a batch, attributes included; 256 KiB until August 2025. */
const MAX_BYTES = 1_048_576;
const BATCHES_AT_A_TIME = 4;
const MAX_ATTEMPTS = 5;
const RETRY_BASE_MS = 100;
const RETRY_CAP_MS = 2_000;

export interface SendOptions {
  /** Seconds until the messages are first delivered, 0 to 900. */
  delaySeconds?: number;
  /** Message attributes, such as `tenant`, added to those of the producer. */
  attributes?: Record<string, string>;
}

export interface Producer<Message> {
  /** Sends one message. Throws like `sendAll`. */
  send(message: Message, options?: SendOptions): Promise<void>;
  /**
   * Sends messages, ten a call and four calls at a time, and tries again what fails. A message may be sent twice, and
   * some may have been sent when it throws: call it again with all of them, as handlers are idempotent.
   *
   * @throws RangeError before anything is sent, if a message is larger than SQS takes
   * @throws Error saying how many were not sent, the last failure being its cause
   */
  sendAll(messages: Iterable<Message>, options?: SendOptions): Promise<void>;
}

interface Outgoing {
  body: string;
  bytes: number;
}

/**
 * Creates a producer of JSON messages.
 *
 * @param options.attributes gives the attributes of a send, such as `traceparent`; called once for each
 */
export function createProducer<Message>(options: {
  queueUrl: string;
  client: SQSClient;
  attributes?: () => Record<string, string>;
}): Producer<Message> {
  const { queueUrl, client, attributes = () => ({}) } = options;

  async function sendAll(messages: Iterable<Message>, send: SendOptions = {}): Promise<void> {
    const common = {
      DelaySeconds: send.delaySeconds,
      MessageAttributes: toMessageAttributes({ ...attributes(), ...send.attributes }),
    };
    const outgoing = Array.from(messages, (message) => toOutgoing(message, common.MessageAttributes));
    const batches = batchesOf(outgoing);
    let sent = 0;

    async function sendSome(): Promise<void> {
      // The generator is shared: the first failure closes it, and the others end with the batch they are at.
      for (const batch of batches) await sendBatch(batch);
    }

    async function sendBatch(batch: Outgoing[]): Promise<void> {
      let left = batch;
      for (let attempt = 1; ; attempt++) {
        const Entries = left.map(({ body }, i) => ({ Id: String(i), MessageBody: body, ...common }));
        const call = client.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }), callLimit());
        const failures = await failuresOf(call, left.length);
        sent += left.length - failures.length;
        if (failures.length === 0) return;
        const fatal = attempt === MAX_ATTEMPTS ? failures[0] : failures.find(isFinal);
        if (fatal) throw fatal.cause ?? new Error(`${fatal.Code}: ${fatal.Message}`);
        const failed = new Set(failures.map(({ Id }) => Number(Id)));
        left = left.filter((_, i) => failed.has(i));
        await sleep(fullJitter(attempt, RETRY_BASE_MS, RETRY_CAP_MS));
      }
    }

    const results = await Promise.allSettled(Array.from({ length: BATCHES_AT_A_TIME }, sendSome));
    const failure = results.find((result) => result.status === 'rejected');
    if (failure) {
      const counts = `${outgoing.length - sent} of ${outgoing.length}`;
      throw new Error(`${counts} messages were not sent to ${queueUrl}`, { cause: failure.reason });
    }
  }

  return { sendAll, send: (message, send) => sendAll([message], send) };
}

function toOutgoing(message: unknown, attributes: Record<string, MessageAttributeValue>): Outgoing {
  const body = JSON.stringify(message);
  let bytes = Buffer.byteLength(body);
  for (const [name, { DataType = '', StringValue = '' }] of Object.entries(attributes)) {
    bytes += Buffer.byteLength(name + DataType + StringValue);
  }
  if (bytes > MAX_BYTES) {
    throw new RangeError(
      `a message of ${bytes} bytes is over SQS's limit of ${MAX_BYTES}: put the data in S3`,
    );
  }
  return { body, bytes };
}

function* batchesOf(messages: Outgoing[]): Generator<Outgoing[], void> {
  let batch: Outgoing[] = [];
  let bytes = 0;
  for (const message of messages) {
    if (batch.length === BATCH_SIZE || bytes + message.bytes > MAX_BYTES) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(message);
    bytes += message.bytes;
  }
  if (batch.length > 0) yield batch;
}

function toMessageAttributes(attributes: Record<string, string>): Record<string, MessageAttributeValue> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [name, { DataType: 'String', StringValue: value }]),
  );
}
