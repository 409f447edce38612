import { expect, test } from 'vitest';
import { localPorts } from '../../scripts/start/ports.ts';

test('each worker has a port of its own, after the api’s', () => {
  expect(localPorts({})).toEqual({ api: 3000, apiAdmin: 9464, workerAdmin: [9465] });
  expect(localPorts({ PORT: '8080', ADMIN_PORT: '9500', WORKERS: '3' })).toEqual({
    api: 8080,
    apiAdmin: 9500,
    workerAdmin: [9501, 9502, 9503],
  });
});

test.each([
  [{ PORT: 'http' }, 'PORT must be a number from 1 to 65535, not http'],
  [{ PORT: '0' }, 'PORT must be a number from 1 to 65535, not 0'],
  [{ WORKERS: '33' }, 'WORKERS must be a number from 1 to 32, not 33'],
  [{ ADMIN_PORT: '65535' }, 'ADMIN_PORT must be a number from 1 to 65534, not 65535'],
  [
    { PORT: '9466', WORKERS: '2' },
    'PORT must not be 9466: ADMIN_PORT and WORKERS take 9464 to 9466 for metrics',
  ],
])('%o is refused in one line', (env, message) => {
  expect(() => localPorts(env)).toThrow(new Error(message));
});
