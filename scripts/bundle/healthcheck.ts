/* The image's HEALTHCHECK: exits 0 if the service in this container answers that it lives. No curl, no shell. */
import { get } from 'node:http';

/** Only the api has a `PORT`; the worker answers on its admin port. */
const port = process.env['PORT'] ?? process.env['ADMIN_PORT'] ?? '9464';

const request = get({ host: '127.0.0.1', port, path: '/health', timeout: 2_000 }, ({ statusCode }) =>
  process.exit(statusCode === 200 ? 0 : 1),
);
request.on('timeout', () => process.exit(1));
request.on('error', () => process.exit(1));
