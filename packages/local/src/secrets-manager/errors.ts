/** Secrets Manager's error codes and their HTTP status. */
const STATUS = {
  InternalServiceError: 500,
  InvalidParameterException: 400,
  InvalidRequestException: 400,
  InvalidSignatureException: 400,
  MissingAuthenticationTokenException: 400,
  NotImplementedException: 501,
  ResourceExistsException: 400,
  ResourceNotFoundException: 400,
  SerializationException: 400,
  UnrecognizedClientException: 400,
} as const;

export type SecretsManagerErrorCode = keyof typeof STATUS;

export class SecretsManagerError extends Error {
  readonly code: SecretsManagerErrorCode;
  readonly status: number;

  constructor(code: SecretsManagerErrorCode, message: string) {
    super(message);
    this.code = code;
    this.status = STATUS[code];
  }
}

export function notImplemented(what: string): SecretsManagerError {
  return new SecretsManagerError(
    'NotImplementedException',
    `This stand-in for Secrets Manager does not implement ${what}.`,
  );
}
