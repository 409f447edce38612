import type { IncomingMessage, ServerResponse } from 'node:http';
import { sha256Hex } from '../sigv4/canonical.ts';
import { readHttpRequest } from '../sigv4/http-request.ts';
import { serveOnLoopback } from '../sigv4/loopback-server.ts';
import { type Credentials, type Realm, SignatureError, verifyHeaders } from '../sigv4/verify.ts';
import type { StandIn } from '../sqs.ts';
import { notImplemented, SecretsManagerError } from './errors.ts';
import { readInput } from './input.ts';
import { openOperations, type Operations } from './operations.ts';
import { openSecretStore } from './secret-store.ts';

/** A secret has at most 64 KiB; this leaves room for JSON's escapes and Base64. */
const MAX_BODY_BYTES = 512 * 1024;

/**
 * Starts a stand-in for Secrets Manager on 127.0.0.1: secrets with versions and staging labels, signatures checked.
 * All it does not implement it refuses (see this folder's README).
 *
 * @param options.dataFile where the secrets are kept over restarts, in plain JSON; in memory without it
 * @param options.port 0 (the default) takes any free port
 * @param options.credentials the only ones that requests may be signed with
 * @param options.region signatures must be for it, and ARNs name it; default `us-east-1`
 */
export function startSecretsManager(options: {
  dataFile?: string;
  port?: number;
  credentials: Credentials;
  region?: string;
}): Promise<StandIn> {
  const { dataFile, port = 0, credentials, region = 'us-east-1' } = options;
  const realm = { credentials, region, service: 'secretsmanager' };
  return serveOnLoopback(port, () => {
    const operations = openOperations(openSecretStore(dataFile), region);
    return async (message, response) => {
      try {
        if (message.headers.expect !== undefined) response.writeContinue();
        send(response, 200, await answer(message, operations, realm));
      } catch (error) {
        const { code, status, message: text } = toSecretsManagerError(error);
        send(response, status, { __type: code, message: text, Message: text });
      }
    };
  });
}

/** JSON 1.1: the operation is in a header, its input is the body. */
async function answer(message: IncomingMessage, operations: Operations, realm: Realm): Promise<object> {
  const request = readHttpRequest(message);
  const body = await readBody(message);
  verifyHeaders(request, sha256Hex(body), realm);
  const [, name = ''] = /^secretsmanager\.(\w+)$/.exec(request.headers.get('x-amz-target') ?? '') ?? [];
  const operation = Object.hasOwn(operations, name) ? operations[name] : undefined;
  if (!operation) throw notImplemented(name);
  return operation(readInput(body.toString()));
}

async function readBody(message: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of message as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_BODY_BYTES)
      throw new SecretsManagerError('InvalidRequestException', 'The request is too large.');
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function toSecretsManagerError(error: unknown): SecretsManagerError {
  if (error instanceof SecretsManagerError) return error;
  if (error instanceof SignatureError) {
    if (error.fault === 'missing') {
      return new SecretsManagerError('MissingAuthenticationTokenException', error.message);
    }
    if (error.fault === 'unknown-key')
      return new SecretsManagerError('UnrecognizedClientException', error.message);
    return new SecretsManagerError('InvalidSignatureException', error.message);
  }
  if (error instanceof SyntaxError)
    return new SecretsManagerError('SerializationException', 'The body is not JSON.');
  return new SecretsManagerError(
    'InternalServiceError',
    error instanceof Error ? error.message : String(error),
  );
}

function send(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/x-amz-json-1.1',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
