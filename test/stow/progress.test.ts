import { setTimeout as sleep } from 'node:timers/promises';
import { WriteStream } from 'node:tty';
import { afterEach, expect, test, vi } from 'vitest';
import type { ApiClient } from '../../scripts/stow/api-client.ts';
import type { Dataset } from '../../scripts/stow/contract.ts';
import { ApiError, NetworkError } from '../../scripts/stow/errors.ts';
import { follow } from '../../scripts/stow/follow.ts';
import * as format from '../../scripts/stow/format.ts';
import { loadStage, terminalDisplay, uploadStage } from '../../scripts/stow/progress.ts';
import { parseEvents, type ServerSentEvent } from '../../scripts/stow/server-sent-events.ts';
import { displayWidth } from '../../scripts/stow/text.ts';

function terminal(columns: number) {
  const written: string[] = [];
  const out = Object.assign(Object.create(WriteStream.prototype) as WriteStream, {
    columns,
    write: (text: string) => written.push(text) > 0,
  });
  return { out, written };
}

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

/** What the progress line shows on a terminal of so many columns. */
function progressLine(columns: number): string {
  vi.useFakeTimers();
  vi.stubEnv('NO_COLOR', '1');
  const { out, written } = terminal(columns);
  const display = terminalDisplay(out);
  display.show(() => uploadStage(2_000_000_000, 5_000_000_000, 61));
  vi.advanceTimersByTime(100);
  display.stop();
  expect(written).toHaveLength(2);
  expect(written[1]).toBe('\r\x1b[K');
  // oxlint-disable-next-line no-control-regex -- the line starts with CR and ends by erasing the rest
  return /^\r(.*)\x1b\[K$/.exec(written[0] ?? '')?.[1] ?? '';
}

test.each([20, 40, 60, 80, 100, 200])('a terminal with %i columns is never overrun', (columns) => {
  const line = progressLine(columns);
  expect(line).toContain('Uploading');
  expect(displayWidth(line)).toBeLessThan(columns);
});

test.each([80, 100, 200])('a terminal with %i columns has room for a bar and all figures', (columns) => {
  expect(progressLine(columns)).toMatch(/━+─+ +40% {2}2\.00 GB of 5\.00 GB {2}32\.8 MB\/s {2}1:01$/);
});

test('while a file is still being split, what is loaded so far is shown', () => {
  const progress = { chunksTotal: null, chunksLoaded: 3, rowsLoaded: 90, rowsRejected: 10 };
  expect(loadStage({ status: 'loading', progress } as Dataset, 5)).toEqual({
    label: 'Loading',
    fraction: undefined,
    figures: ['3 chunks', '100 rows', '20 rows/s', '0:05'],
  });
});

function dataset(status: Dataset['status']): Dataset {
  return { status } as Dataset;
}

test('a broken event stream is bridged by a poll and taken up again', async () => {
  let connections = 0;
  const api: Pick<ApiClient, 'dataset' | 'events'> = {
    events: async function* events() {
      connections += 1;
      yield dataset(connections === 1 ? 'queued' : 'ready');
      throw new NetworkError('reset', new Error('reset'));
    },
    dataset: () => Promise.resolve(dataset('loading')),
  };
  const seen: string[] = [];
  const last = await follow(api, 'id', { onChange: ({ status }) => seen.push(status), pollMs: 1 });
  expect(last.status).toBe('ready');
  expect(seen).toEqual(['queued', 'loading', 'ready']);
});

test.each([
  ['a dead api', new NetworkError('gone', new Error('gone'))],
  ['a refusal', new ApiError('no such dataset', 404, 'not_found')],
])('following ends with %s', async (_, failure) => {
  let polls = 0;
  const api: Pick<ApiClient, 'dataset' | 'events'> = {
    // oxlint-disable-next-line require-yield -- it fails before the first event
    events: async function* events() {
      throw failure;
    },
    dataset: async () => {
      polls += 1;
      throw failure;
    },
  };
  await expect(follow(api, 'id', { onChange: () => undefined, pollMs: 5, patienceMs: 50 })).rejects.toBe(
    failure,
  );
  expect(polls > 1).toBe(failure instanceof NetworkError);
});

test('events are read across chunks and line ends, comments left out', async () => {
  const text =
    ': ping\r\n\r\nevent: progress\r\ndata: {"a":\r\ndata:1}\r\n\r\rdata: é\n\nevent: progress\ndata: lost';
  async function* bytewise() {
    for (const byte of Buffer.from(text)) {
      await sleep(0);
      yield Uint8Array.of(byte);
    }
  }
  const events: ServerSentEvent[] = [];
  for await (const event of parseEvents(bytewise())) events.push(event);
  expect(events).toEqual([
    { event: 'progress', data: '{"a":\n1}' },
    { event: 'message', data: 'é' },
  ]);
});

test('figures are short', () => {
  expect([0, 999, 1000, 210_365, 999_499, 999_500, 5_368_709_120].map(format.bytes)).toEqual([
    '0 B',
    '999 B',
    '1.00 kB',
    '210 kB',
    '999 kB',
    '1.00 MB',
    '5.37 GB',
  ]);
  expect([0, 0.42, 12.34, 125].map(format.duration)).toEqual(['0.01 s', '0.42 s', '12.3 s', '2 min 5 s']);
  expect([2.9, 62, 3723].map(format.clock)).toEqual(['0:02', '1:02', '1:02:03']);
  expect(format.rowRate(1_204_331, 1.5)).toBe('803,000 rows/s');
  expect(format.quantity(1, 'row')).toBe('1 row');
});
