import { Type } from 'typebox';
import { expect, test } from 'vitest';
import type { HttpApp } from '../src/index.ts';
import { problemOf, start } from './start.ts';

const Body = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 5 }),
    size: Type.Optional(Type.Integer()),
    dialect: Type.Optional(
      Type.Object(
        { delimiter: Type.Optional(Type.Enum(['auto', ','])), 'a/b': Type.Optional(Type.Boolean()) },
        { additionalProperties: false },
      ),
    ),
    kind: Type.Optional(Type.Union([Type.Literal('x'), Type.Literal('y')])),
  },
  { additionalProperties: false },
);

function routes(app: HttpApp): void {
  app.post('/things', { schema: { body: Body } }, (request) => request.body);
  app.get(
    '/things/:id',
    {
      schema: {
        params: Type.Object({ id: Type.String({ format: 'uuid' }) }),
        querystring: Type.Object({
          limit: Type.Integer({ minimum: 1, maximum: 100, default: 50 }),
          all: Type.Optional(Type.Boolean()),
        }),
        headers: Type.Object({ 'x-color': Type.Optional(Type.String({ maxLength: 3 })) }),
      },
    },
    (request) => request.query,
  );
}

const ID = '01935b0e-7c1a-7e3b-8a44-5f2d9c0b1a2e';

async function errorsOf(body: unknown) {
  const { url } = await start(routes);
  const response = await fetch(`${url}/things`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });
  expect(response.status).toBe(400);
  const problem = await problemOf(response);
  expect(problem.code).toBe('validation_failed');
  return problem.errors;
}

test.each([
  [{}, { pointer: '/name', detail: 'is required' }],
  [
    { name: 'a', colour: 1 },
    { pointer: '/colour', detail: 'is not a known member' },
  ],
  [{ name: '' }, { pointer: '/name', detail: 'must NOT have fewer than 1 characters' }],
  [{ name: 5 }, { pointer: '/name', detail: 'must be string' }],
  [
    { name: 'a', size: '5' },
    { pointer: '/size', detail: 'must be integer' },
  ],
  [
    { name: 'a', dialect: { delimiter: '|' } },
    { pointer: '/dialect/delimiter', detail: 'must be one of "auto", ","' },
  ],
  [
    { name: 'a', dialect: { 'x/~y': 1 } },
    { pointer: '/dialect/x~1~0y', detail: 'is not a known member' },
  ],
  [
    { name: 'a', dialect: { 'a/b': 1 } },
    { pointer: '/dialect/a~1b', detail: 'must be boolean' },
  ],
  [
    { name: 'a', kind: 'z' },
    { pointer: '/kind', detail: 'must be one of "x", "y"' },
  ],
  ['text', { pointer: '', detail: 'must be object' }],
  [null, { pointer: '', detail: 'must be object' }],
])('the body %j is refused at the right member', async (body, error) => {
  expect(await errorsOf(body)).toEqual([error]);
});

test('every error of a request is reported', async () => {
  expect(await errorsOf({ size: 'x', colour: 1 })).toHaveLength(3);
});

test('the answer to a body full of errors stays small', async () => {
  const body = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`m${i}`, 1]));
  expect(await errorsOf(body)).toHaveLength(20);
});

test('each choice of a list of unions is reported at its own item', async () => {
  const Union = Type.Array(Type.Union([Type.Literal('x'), Type.Literal('y')]));
  const { url } = await start((app) => void app.post('/', { schema: { body: Union } }, () => 'x'));
  const body = JSON.stringify(['z', 'x', 'z']);
  const response = await fetch(url, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  });
  const detail = 'must be one of "x", "y"';
  expect((await problemOf(response)).errors).toEqual([
    { pointer: '/0', detail },
    { pointer: '/2', detail },
  ]);
});

test('a missing body is refused', async () => {
  const { url } = await start(routes);
  const problem = await problemOf(await fetch(`${url}/things`, { method: 'POST' }));
  expect(problem.errors).toEqual([{ pointer: '', detail: 'must be object' }]);
});

test('unknown members are never dropped silently', async () => {
  const { url } = await start((app) => {
    app.post('/', { schema: { body: Type.Object({ a: Type.Integer() }) } }, (request) => request.body);
  });
  const response = await fetch(url, {
    method: 'POST',
    body: '{"a":1,"b":2}',
    headers: { 'content-type': 'application/json' },
  });
  expect(await response.json()).toEqual({ a: 1, b: 2 });
});

test.each([
  ['?limit=0', '/query/limit', 'must be >= 1'],
  ['?limit=101', '/query/limit', 'must be <= 100'],
  ['?limit=abc', '/query/limit', 'must be integer'],
  ['?limit=', '/query/limit', 'must be integer'],
  ['?limit=1.5', '/query/limit', 'must be integer'],
  ['?limit=1&limit=2', '/query/limit', 'must be integer'],
])('the query %s is refused at its member', async (query, pointer, detail) => {
  const { url } = await start(routes);
  const problem = await problemOf(await fetch(`${url}/things/${ID}${query}`));
  expect(problem.errors).toEqual([{ pointer, detail }]);
});

test('numbers and booleans in a query are converted, defaults filled in', async () => {
  const { url } = await start(routes);
  expect(await (await fetch(`${url}/things/${ID}?limit=7&all=true`)).json()).toEqual({ limit: 7, all: true });
  expect(await (await fetch(`${url}/things/${ID}`)).json()).toEqual({ limit: 50 });
});

test('an id that is no UUID is refused at /path/id', async () => {
  const { url } = await start(routes);
  const problem = await problemOf(await fetch(`${url}/things/7`));
  expect(problem.errors).toEqual([{ pointer: '/path/id', detail: 'must match format "uuid"' }]);
});

test('a bad header is refused at /headers/<name>', async () => {
  const { url } = await start(routes);
  const response = await fetch(`${url}/things/${ID}`, { headers: { 'X-Color': 'green' } });
  const problem = await problemOf(response);
  expect(problem.errors?.[0]?.pointer).toBe('/headers/x-color');
});

test.each(['1e999', '-1e999', 'Infinity', '101', '0', '1.5', '0x', ''])(
  'a number in a query is held to its bounds, as it is converted: %s',
  async (limit) => {
    const { url } = await start(routes);
    const response = await fetch(`${url}/things/${ID}?limit=${limit}`);
    expect(response.status).toBe(400);
    expect((await problemOf(response)).errors?.map(({ pointer }) => pointer)).toEqual(['/query/limit']);
  },
);
