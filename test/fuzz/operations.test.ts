import fc from 'fast-check';
import { expect, inject, test } from 'vitest';
import { createClient } from '../support/client.ts';
import { inLanes, share } from './budget.ts';
import { type Operation, readContract } from './contract.ts';
import { exchange } from './exchange.ts';
import { accept } from './judge.ts';
import { type Call, callsOf, toRequest, verdictOf } from './requests.ts';

const url = inject('fuzzedUrl');
const client = createClient(url);
const contract = await readContract(url);

/** Those that stay, in every state that lasts, and those that requests made and may delete. */
const lasting = [
  await client.create('awaiting'),
  { dataset: await client.load('ready', 'a,b,__proto__\n1,2,3\nx,,"y\nz"\n1\n'.repeat(50)) },
  { dataset: await client.load('empty', 'a\n') },
  { dataset: await client.load('failed', '\n') },
].map(({ dataset }) => dataset.id);
const passing = [(await client.create('passing')).dataset.id];

/** What a request is refused with for what it is, whatever is there. */
const REFUSALS = new Set([400, 413, 415]);

/** Each costs what stands behind it: those that write, and those that have much to say, get less. */
const SHARES: Record<string, number> = {
  'GET /health': 0.035,
  'GET /ready': 0.035,
  'POST /v1/datasets': 0.04,
  'GET /v1/datasets': 0.03,
  'DELETE /v1/datasets/{id}': 0.025,
  'POST /v1/datasets/{id}/complete': 0.025,
  'GET /v1/datasets/{id}/events': 0.025,
};

test.each(contract.operations)('every answer of $method $path fits the contract', async (operation) => {
  const ids = operation.method === 'DELETE' ? passing : lasting;
  const runs = share(SHARES[`${operation.method} ${operation.path}`] ?? 0.045);
  let succeeded = 0;
  await inLanes(runs, (parameters) =>
    fc.assert(
      fc.asyncProperty(callsOf(contract, operation, ids), async (call) => {
        if ((await judged(operation, call)) < 300) succeeded++;
      }),
      parameters,
    ),
  );
  // Fuzzing that never gets past validation would prove little.
  expect(succeeded).toBeGreaterThan(runs / 20);
});

async function judged(operation: Operation, call: Call): Promise<number> {
  const request = toRequest(operation, call);
  const answer = await exchange(url, request);
  const verdict = request.method === operation.method ? verdictOf(contract, operation, call) : 'either';
  const isRefused = REFUSALS.has(answer.status);
  accept(
    { contract, operation, request, answer },
    ...(verdict === 'fits' && isRefused ? ['it fits and is refused'] : []),
    ...(verdict === 'misfits' && !isRefused ? ['it does not fit and is not refused'] : []),
  );
  if (answer.status === 201)
    passing.push((JSON.parse(answer.body) as { dataset: { id: string } }).dataset.id);
  return answer.status;
}
