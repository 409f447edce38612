import { expect, test } from 'vitest';
import { createLogger } from '../src/index.ts';

type Line = Record<string, unknown>;

function collect(level = 'info') {
  const written: string[] = [];
  const log = createLogger(
    { service: 'api', version: 'abc123', level },
    { write: (text: string) => void written.push(text) },
  );
  return { log, written, lines: () => written.map((text) => JSON.parse(text) as Line) };
}

test('an event is one line of JSON with service, version, time and the level’s name', () => {
  const { log, written, lines } = collect();
  log.warn({ port: 3000 }, 'two\nlines');
  expect(written).toHaveLength(1);
  expect(written[0]?.indexOf('\n')).toBe((written[0]?.length ?? 0) - 1);
  const [{ time, ...rest } = {}] = lines();
  expect(rest).toEqual({
    level: 'warn',
    service: 'api',
    version: 'abc123',
    port: 3000,
    msg: 'two\nlines',
  });
  expect(new Date(String(time)).toISOString()).toBe(time);
});

test('what is less severe than the level is left out', () => {
  const { log, lines } = collect('warn');
  log.info('quiet');
  log.error('loud');
  expect(lines()).toMatchObject([{ level: 'error', msg: 'loud' }]);
});

test.each(['authorization', 'cookie', 'password', 'connectionString', 'DATABASE_URL', 'SecretString'])(
  '%s is redacted, however deep it lies',
  (name) => {
    const { log, written } = collect();
    const secret = { [name]: 'hush-hush' };
    log.info({ ...secret, headers: secret, request: { headers: secret } }, 'received');
    log.child({ settings: secret }).info('started');
    log.error({ err: Object.assign(new Error('refused'), { client: secret }) }, 'failed');
    expect(written).toHaveLength(3);
    for (const line of written) expect(line).toContain('"[redacted]"');
    expect(written.join()).not.toContain('hush-hush');
  },
);

test('an error is logged with its message, stack, code and cause', () => {
  const { log, lines } = collect();
  const cause = new Error('connection refused');
  log.error({ err: Object.assign(new Error('no answer', { cause }), { code: 'ECONNREFUSED' }) }, 'failed');
  const { err } = lines()[0] as { err: Line };
  expect(err).toMatchObject({ type: 'Error', code: 'ECONNREFUSED' });
  expect(err['message']).toContain('no answer');
  expect(err['message']).toContain('connection refused');
  expect(err['stack']).toContain('logger.test.ts');
});
