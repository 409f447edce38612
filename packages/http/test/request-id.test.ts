import { expect, test } from 'vitest';
import { exchange } from './raw-http.ts';
import { start } from './start.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

async function idOf(url: string, given?: string): Promise<string | null> {
  const response = await fetch(url, given === undefined ? {} : { headers: { 'x-request-id': given } });
  await response.text();
  return response.headers.get('x-request-id');
}

test("the caller's id is answered when it is well formed", async () => {
  const { url } = await start((app) => void app.get('/', () => 'x'));
  expect(await idOf(url, 'abc.DEF_1-2')).toBe('abc.DEF_1-2');
  expect(await idOf(url, 'a'.repeat(128))).toBe('a'.repeat(128));
});

test.each(['', 'a'.repeat(129), 'a b', 'a;b', '<script>', 'é'])(
  'the id %j is replaced by a new one',
  async (given) => {
    const { url } = await start((app) => void app.get('/', () => 'x'));
    expect(await idOf(url, given)).toMatch(UUID);
  },
);

test('each request without an id gets its own', async () => {
  const { url } = await start((app) => void app.get('/', () => 'x'));
  expect(await idOf(url)).not.toBe(await idOf(url));
});

test.each(['/nowhere', '/%zz', `/params/${'p'.repeat(400)}`, '/broken'])(
  'an error on %s carries the id too',
  async (path) => {
    const { url } = await start((app) => {
      app.get('/params/:id', () => 'x');
      app.get('/broken', () => {
        throw new Error('broken');
      });
    });
    expect(await idOf(url + path, 'mine')).toBe('mine');
  },
);

test('what is no HTTP at all is answered with an id', async () => {
  const { port } = await start(() => undefined);
  const [head, body] = (await exchange(port, 'NONSENSE\r\n\r\n')).split('\r\n\r\n');
  expect(head).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/);
  const id = /x-request-id: (\S+)/.exec(head ?? '')?.[1];
  expect(id).toMatch(UUID);
  expect(JSON.parse(body ?? '')).toMatchObject({ status: 400, code: 'validation_failed', instance: id });
});
