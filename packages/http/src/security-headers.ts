import type { OutgoingHttpHeaders } from 'node:http';
import helmet from '@fastify/helmet';
import type { FastifyReply } from 'fastify';
import fp from 'fastify-plugin';

/** Seconds: a year, as the HSTS preload list asks for. */
const HSTS_MAX_AGE = 365 * 24 * 3600;

/**
 * Headers for answers that are data: nothing in them may load, run or be framed, should a browser ever show one as a page.
 * A route that serves a page sets a policy of its own by Fastify's `helmet` route option or its own header.
 */
export const securityHeaders = fp(
  async (app) => {
    await app.register(helmet, {
      global: false,
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          'default-src': ["'none'"],
          'base-uri': ["'none'"],
          'form-action': ["'none'"],
          'frame-ancestors': ["'none'"],
        },
      },
      strictTransportSecurity: false,
    });
    // The same for every answer, and so asked for once: helmet builds them anew each time, which took as long as the log.
    let headers: OutgoingHttpHeaders | undefined;
    app.addHook('onRequest', (request, reply, next) => {
      headers ??= headersOf(reply);
      reply.headers(headers);
      // Over plain HTTP it means nothing (RFC 6797 section 7.2), and on a developer's localhost it would do harm.
      if (request.protocol === 'https') reply.header('strict-transport-security', `max-age=${HSTS_MAX_AGE}`);
      next();
    });
  },
  { name: 'security-headers' },
);

/** What helmet sets: on Node's own response, from which it is taken again, since Fastify writes its own headers faster. */
function headersOf(reply: FastifyReply): OutgoingHttpHeaders {
  void reply.helmet();
  const headers = { ...reply.raw.getHeaders() };
  for (const name of Object.keys(headers)) reply.raw.removeHeader(name);
  return headers;
}
