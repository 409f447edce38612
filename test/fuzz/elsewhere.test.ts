import fc from 'fast-check';
import { expect, inject, test } from 'vitest';
import { inLanes, share } from './budget.ts';
import { readContract } from './contract.ts';
import { exchange } from './exchange.ts';
import { accept } from './judge.ts';
import { hostileText } from './values.ts';

const url = inject('fuzzedUrl');
const contract = await readContract(url);

const PAGES = ['/docs', '/docs/', '/docs/errors', '/docs/json', '/docs/static/index.html', '/openapi.json'];

/** Between two slashes, as sent: encoded, badly encoded, or not at all. Node's client sends neither blanks nor controls. */
const segment = fc.oneof(
  hostileText.map((text) => encodeURIComponent(text.toWellFormed())),
  hostileText.map((text) => text.replaceAll(/[^\x21-\xff]/g, '').replaceAll('#', '')),
  fc.constantFrom(
    'v1',
    'datasets',
    'rows',
    'complete',
    'docs',
    'static',
    'health',
    '..',
    '.',
    '',
    '%',
    '%zz',
    '%ff',
    '*',
    ':id',
  ),
);

const target = fc.oneof(
  fc.constantFrom(...PAGES),
  fc.tuple(fc.constantFrom(...PAGES, '/v1/datasets', '/health'), segment).map((parts) => parts.join('/')),
  fc.tuple(fc.constantFrom(...PAGES), segment).map((parts) => parts.join('?')),
  fc.array(segment, { minLength: 1, maxLength: 5 }).map((parts) => `/${parts.join('/')}`),
);

const STATUSES = new Set([200, 302, 304, 400, 404, 405]);

/** Paths that could be one of the contract's are for operations.test.ts. */
const OF_THE_CONTRACT =
  /^\/(health|ready|v1\/datasets(\/[^/?]*(\/(complete|events|rows|rejects|profile))?)?)([?;]|$)/i;

test('paths beside the operations answer as the contract says', async () => {
  const runs = share(0.27);
  let found = 0;
  await inLanes(runs, (parameters) =>
    fc.assert(
      fc.asyncProperty(
        target.filter((text) => !OF_THE_CONTRACT.test(text)),
        fc.constantFrom('GET', 'GET', 'GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS', 'PROPFIND', 'TRACE'),
        async (path, method) => {
          const request = { method, target: path, headers: {} };
          const answer = await exchange(url, request);
          accept(
            { contract, request, answer },
            ...(STATUSES.has(answer.status) ? [] : [`a ${answer.status}`]),
          );
          if (answer.status === 200) found++;
        },
      ),
      parameters,
    ),
  );
  expect(found).toBeGreaterThan(runs / 20);
});
