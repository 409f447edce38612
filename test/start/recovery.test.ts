import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Client, createClient, type DatasetView } from '../support/client.ts';
import { type Checkout, createCheckout, type Running } from './checkout.ts';

/** Every test goes on from the state that the one before left. */
let checkout: Checkout;
let client: Client;
let dataset: DatasetView;

beforeAll(async () => {
  checkout = await createCheckout();
  client = createClient(checkout.url);
});
afterAll(() => {
  checkout.kill();
  checkout.remove();
});

async function ready(npm: Running): Promise<Running> {
  await npm.prints(/Ctrl-C stops/);
  return npm;
}

/** In a terminal of its own, whose keys are what is written to its input. */
const startInTerminal = () =>
  ready(
    checkout.run('python3', [
      '-c',
      "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(['npm', 'start'])))",
    ]),
  );

async function expectDataset(): Promise<void> {
  expect(await client.get(dataset.id)).toEqual(dataset);
  expect(await client.rows(dataset.id)).toHaveLength(3_376);
}

test('a start recovers from a kill of everything, and what was uploaded is still there', async () => {
  await ready(checkout.npm(['start']));
  dataset = await client.load('airports', readFileSync(`${checkout.root}/test/fixtures/airports.csv`));
  expect(dataset).toMatchObject({ status: 'ready', progress: { rowsLoaded: 3_376 } });
  checkout.kill();
  await expect.poll(checkout.left).toEqual([]);

  const again = await ready(checkout.npm(['start']));
  await expectDataset();
  again.child.kill('SIGTERM');
  expect(await again.exit()).toBe(0);
});

test('Ctrl-C in a terminal drains, keeps what was uploaded, and leaves no process behind', async () => {
  const terminal = await startInTerminal();
  await expectDataset();
  terminal.child.stdin?.write('\u0003');
  await terminal.exit();
  expect(terminal.output()).toMatch(/^stowage {3}stopped; state is kept in \.local\/$/m);
  expect(terminal.output()).toMatch(/^worker-1 +stopped clean=true$/m);
  expect(checkout.left()).toEqual([]);
});

test('a closed terminal leaves no process behind, and nothing broken', async () => {
  const terminal = await startInTerminal();
  terminal.child.kill('SIGKILL');
  await expect.poll(checkout.left, { timeout: 10_000 }).toEqual([]);
  const log = readFileSync(`${checkout.root}/.local/logs/worker-1.log`, 'utf8');
  expect(log.slice(log.lastIndexOf('"working"'))).toContain('"clean":true,"msg":"stopped"');
});
