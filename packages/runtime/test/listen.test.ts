import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { listen, PortError, portError } from '../src/index.ts';

test('a server listens once `listen` has resolved', async () => {
  const server = createServer();
  await listen(server, { host: '127.0.0.1', port: 0, setting: 'PORT' });
  expect(server.listening).toBe(true);
  server.close();
});

test('a port that needs rights says which setting to change', () => {
  const denied = Object.assign(new Error('listen EACCES'), { code: 'EACCES' });
  const error = portError(denied, 80, 'PORT');
  expect(error).toBeInstanceOf(PortError);
  expect(error).toHaveProperty('message', 'port 80 needs more rights: set PORT to one above 1023');
});

test('an error that no other port would mend stays as it is', async () => {
  const server = createServer();
  await expect(
    listen(server, { host: '203.0.113.1', port: 0, setting: 'PORT' }), // an address of documentation: not ours
  ).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
});
