import { STATUS_CODES } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { platformProblem } from './errors.ts';
import { PROBLEM_TYPE, problemDocument } from './problem.ts';
import { REQUEST_ID_HEADER } from './request-id.ts';

/**
 * Answers what is not even an HTTP request (Node's `clientError`), so that it too is a problem document with a request
 * id. There is no request here, only a socket: the answer is written by hand and the connection ends.
 */
export function clientErrorHandler(log: Logger, errorsUrl: string) {
  return (error: NodeJS.ErrnoException, socket: Socket): void => {
    if (error.code === 'ECONNRESET' || !socket.writable || isAnswering(socket)) {
      socket.destroy();
      return;
    }
    const problem = problemFor(error.code);
    const id = randomUUID();
    log.debug({ err: error, requestId: id, code: problem.code }, 'not an HTTP request');
    const body = problemDocument(problem, id, errorsUrl);
    const head = [
      `HTTP/1.1 ${problem.statusCode} ${STATUS_CODES[problem.statusCode]}`,
      `content-type: ${PROBLEM_TYPE}`,
      `content-length: ${body.byteLength}`,
      `${REQUEST_ID_HEADER}: ${id}`,
      'connection: close',
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    socket.end(body);
    socket.destroySoon();
  };
}

/** Whether an answer is under way, in which another must not begin. Node's own handler asks the same, in this way. */
function isAnswering(socket: Socket & { _httpMessage?: ServerResponse | null }): boolean {
  return socket._httpMessage?.headersSent === true;
}

function problemFor(code: string | undefined) {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return platformProblem('request_timeout');
  if (code === 'HPE_HEADER_OVERFLOW') return platformProblem('headers_too_large');
  return platformProblem('validation_failed', 'This is not a valid HTTP request.');
}
