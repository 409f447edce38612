type Service = 'DYNAMODB' | 'S3' | 'SECRETS_MANAGER' | 'SQS';

/** What a client of the SDK needs to reach a service of the embedded stack whose environment this is. */
export function clientConfig(environment: Readonly<Record<string, string>>, service: Service) {
  return {
    region: environment['AWS_REGION'] ?? '',
    endpoint: environment[`AWS_ENDPOINT_URL_${service}`] ?? '',
    credentials: {
      accessKeyId: environment['AWS_ACCESS_KEY_ID'] ?? '',
      secretAccessKey: environment['AWS_SECRET_ACCESS_KEY'] ?? '',
    },
  };
}
