import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Dataset, Status } from '@stowage/datasets';
import { createRecall } from '../src/datasets/recall.ts';

const ref = { tenant: 't', id: '0193a6f0-0000-7000-8000-000000000001' };
/** What is in the store, how often it was asked, and what holds up its answers. */
let status: Status | undefined;
let asked: number;
let answering: Promise<void>;

const recall = () =>
  createRecall(async () => {
    asked++;
    const found = status && ({ ...ref, status } as Dataset);
    await answering;
    return found;
  });

beforeEach(() => {
  vi.useFakeTimers();
  [status, asked, answering] = ['ready', 0, Promise.resolve()];
});
afterEach(() => void vi.useRealTimers());

test('a dataset that is ready is asked for once a second, by however many', async () => {
  const { recent } = recall();
  for (const found of await Promise.all([recent(ref), recent(ref)])) expect(found?.status).toBe('ready');
  await vi.advanceTimersByTimeAsync(990);
  await recent(ref);
  expect(asked).toBe(1);
  await vi.advanceTimersByTimeAsync(20);
  await recent(ref);
  expect(asked).toBe(2);
});

test('a deletion elsewhere is noticed within a second of the question, however late the answer', async () => {
  const { recent } = recall();
  const { promise, resolve } = Promise.withResolvers<void>();
  answering = promise;
  const slow = recent(ref);
  status = 'deleting';
  await vi.advanceTimersByTimeAsync(1_001);
  resolve();
  expect((await slow)?.status).toBe('ready');
  expect((await recent(ref))?.status).toBe('deleting');
});

test.each(['loading', 'deleting', undefined] as const)(
  'what is %s is asked for every time',
  async (other) => {
    status = other;
    const { recent } = recall();
    for (let time = 0; time < 3; time++) expect((await recent(ref))?.status).toBe(other);
    expect(asked).toBe(3);
  },
);

test('who shares a question that was put before the dataset was ready asks anew', async () => {
  const { recent } = recall();
  status = 'loading';
  const { promise, resolve } = Promise.withResolvers<void>();
  answering = promise;
  const early = recent(ref);
  status = 'ready';
  const late = recent(ref);
  resolve();
  expect([(await early)?.status, (await late)?.status]).toEqual(['loading', 'ready']);
});

test('what is forgotten while it is asked for stays forgotten', async () => {
  const { recent, forget } = recall();
  const early = recent(ref);
  status = 'deleting';
  forget(ref);
  expect((await early)?.status).toBe('ready');
  expect((await recent(ref))?.status).toBe('deleting');
});

test('whoever sees that a dataset is gone tells all', async () => {
  const { recent, latest } = recall();
  await recent(ref);
  status = undefined;
  expect(await latest(ref)).toBeUndefined();
  expect(await recent(ref)).toBeUndefined();
});

test('a question that failed is put again', async () => {
  const { recent } = recall();
  answering = Promise.reject(new Error('no DynamoDB'));
  await expect(recent(ref)).rejects.toThrow('no DynamoDB');
  answering = Promise.resolve();
  expect((await recent(ref))?.status).toBe('ready');
});

test('tenants share nothing', async () => {
  const { recent } = recall();
  await recent(ref);
  await recent({ ...ref, tenant: 'other' });
  expect(asked).toBe(2);
});
