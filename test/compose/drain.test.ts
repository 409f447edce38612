import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, inject, test } from 'vitest';
import { compose, containerOf, docker } from '../../scripts/compose/docker.ts';
import { createClient } from '../support/client.ts';

afterAll(() => void compose('up', '--detach', '--wait', '--scale', 'worker=2', '--no-recreate'));

/** As clients.js reports. */
interface Report {
  answered: number;
  answeredAfterSignal: number;
  refused: number;
  failed: string[];
}

/**
 * A request has failed when it was sent and not answered with 200. One that could not be sent, since the listener was
 * closed, has not: a load balancer sends it to another task. The clients run in the stack's own network: through a
 * published port they could not tell a closed listener, since Docker's proxy accepts for it.
 */
test('SIGTERM to the api under load fails no request, and it exits 0 within its grace', async () => {
  const { id } = await createClient(inject('url')).load('drained', 'a\n1\n2\n');
  const api = containerOf('api');
  const clients = startClients(api, id);
  const report = text(clients.stdout);
  await sleep(3_000);
  docker(['kill', '--signal', 'TERM', api]);
  const signalled = Date.now();
  const status = docker(['wait', api]).trim();
  expect(Number(status)).toBe(0);
  expect(Date.now() - signalled).toBeLessThan(45_000);
  await once(clients, 'exit');
  const { answered, answeredAfterSignal, refused, failed } = JSON.parse(await report) as Report;
  expect(failed).toEqual([]);
  expect(answered).toBeGreaterThan(200);
  expect(answeredAfterSignal).toBeGreaterThan(100);
  expect(refused).toBeGreaterThan(0);
});

/** Clients that send one request after the other until the listener is closed. */
function startClients(api: string, id: string) {
  const network = `${process.env['COMPOSE_PROJECT_NAME']}_default`;
  const address = docker([
    'inspect',
    '-f',
    `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`,
    api,
  ]).trim();
  const program = readFileSync(new URL('clients.js', import.meta.url));
  const settings = ['-e', `HOST=${address}`, '-e', `DATASET=${id}`];
  const command = ['stowage-worker:local', 'node', '--input-type=module', '-'];
  const clients = spawn('docker', ['run', '--rm', '-i', '--network', network, ...settings, ...command], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  clients.stdin.end(program);
  return clients;
}
