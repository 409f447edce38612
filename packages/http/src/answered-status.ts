import type { ServerResponse } from 'node:http';

/** The status that was answered, or 499 (nginx's "client closed request") if the client left before there was one. */
export function answeredStatus(response: Pick<ServerResponse, 'headersSent' | 'statusCode'>): number {
  return response.headersSent ? response.statusCode : 499;
}
