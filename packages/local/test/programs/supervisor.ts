/* Supervises one service and tells its process id; a test ends it by `kill -9`. */
import { fileURLToPath } from 'node:url';
import { supervise } from '../../src/supervisor.ts';

const port = process.argv[2] ?? '';
const services = supervise({
  services: [
    {
      name: 'service',
      script: fileURLToPath(new URL('service.ts', import.meta.url)),
      environment: { PORT: port, STUBBORN: '1' },
      healthUrl: `http://127.0.0.1:${port}/health`,
    },
  ],
  onLine: () => undefined,
  onEnd: () => undefined,
});
await services.ready;
process.send?.(services.pids()['service']);
