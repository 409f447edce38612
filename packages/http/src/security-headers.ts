import helmet from '@fastify/helmet';
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
    // Over plain HTTP the header means nothing (RFC 6797 section 7.2), and on a developer's localhost it would do harm.
    app.addHook('onRequest', (request, reply, next) => {
      if (request.protocol === 'https') reply.header('strict-transport-security', `max-age=${HSTS_MAX_AGE}`);
      next();
    });
  },
  { name: 'security-headers' },
);
