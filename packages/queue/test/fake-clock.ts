import { Registry } from 'prom-client';
import { afterEach, beforeEach, vi } from 'vitest';
import { type ConsumerOptions, startConsumer } from '../src/index.ts';
import type { FakeSqs } from './fake-sqs.ts';
import { silent } from './support.ts';

export const MINUTE = 60_000;

/** Gives every test of a file a clock that only it moves, and jitter that is always half of its span. */
export function useFakeClock(): void {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });
}

/** Consumes plain-text messages of SQS in memory. */
export function consume(
  sqs: FakeSqs,
  options: Pick<ConsumerOptions<string>, 'handle'> & Partial<ConsumerOptions<string>>,
) {
  const registry = new Registry();
  const consumer = startConsumer<string>({
    queueUrl: 'queue',
    pollClient: sqs.client,
    actClient: sqs.client,
    parse: (body) => body,
    log: silent,
    registry,
    ...options,
  });
  return { ...consumer, registry };
}

/** Stops without grace. */
export async function stop(consumer: { stop(graceMs: number): Promise<unknown> }): Promise<unknown> {
  const report = consumer.stop(0);
  await vi.advanceTimersByTimeAsync(5_000);
  return report;
}
