import { Registry } from 'prom-client';
import { Type } from 'typebox';
import { expect, test } from 'vitest';
import {
  auth,
  defineProblems,
  drain,
  dynamoDbIdempotencyStore,
  health,
  idempotency,
  metrics,
  openapi,
  problemResponses,
  securityHeaders,
} from '../src/index.ts';
import type { HttpApp } from '../src/index.ts';
import { startDynamoDb } from './dynamodb.ts';
import { exchange } from './raw-http.ts';
import { problemOf, start } from './start.ts';

const problems = defineProblems({
  not_loaded: { status: 409, title: 'Not <loaded> yet', detail: 'Wait.' },
});

interface Operation {
  security: unknown;
  parameters?: { name: string; in: string; required?: boolean; schema: object }[];
  responses: Record<string, { description: string; content?: Record<string, { schema: object }> }>;
}
interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object> };
}

async function service() {
  const { client } = await startDynamoDb();
  return start((app: HttpApp) => {
    app.register(securityHeaders);
    app.register(metrics, { registry: new Registry() });
    app.register(drain, {});
    app.register(auth, { mode: 'oidc', issuer: 'http://127.0.0.1:1', audience: 'x' });
    app.register(idempotency, { store: dynamoDbIdempotencyStore({ client, tableName: 'control' }) });
    app.register(openapi, {
      title: 'Things & more',
      version: '1.2.3',
      description: 'About things.',
      problems,
    });
    app.register(health, { checks: {} });
    app.register(async (api) => {
      api.post(
        '/things/:id',
        {
          config: { scope: 'things:write', idempotent: true },
          schema: {
            params: Type.Object({ id: Type.String() }),
            body: Type.Object({ name: Type.String() }),
            response: {
              200: Type.Object({ id: Type.String() }),
              ...problemResponses(problems, 'not_found', 'not_loaded'),
            },
          },
        },
        () => ({ id: 'x' }),
      );
    });
  });
}

async function documentOf(url: string): Promise<Document> {
  const response = await fetch(`${url}/openapi.json`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toContain('application/json');
  return (await response.json()) as Document;
}

test('the contract is OpenAPI 3.1 and open to anyone', async () => {
  const { url } = await service();
  const document = await documentOf(url);
  expect(document).toMatchObject({ openapi: '3.1.0', info: { title: 'Things & more', version: '1.2.3' } });
  expect(Object.keys(document.paths)).toEqual(['/health', '/ready', '/things/{id}']);
});

test('an operation documents its errors and those of every route, by one shared schema', async () => {
  const { url } = await service();
  const { paths, components } = await documentOf(url);
  const responses = paths['/things/{id}']?.['post']?.responses ?? {};
  expect(Object.keys(responses)).toEqual([
    '200',
    '400',
    '401',
    '403',
    '404',
    '408',
    '409',
    '413',
    '415',
    '422',
    '429',
    '431',
    '500',
    '503',
  ]);
  const { 200: ok, ...errors } = responses;
  expect(ok?.content).toHaveProperty('application/json');
  for (const error of Object.values(errors)) {
    expect(error.content).toEqual({
      'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
    });
  }
  expect(errors['409']?.description).toBe(
    '- `not_loaded`: Not <loaded> yet\n- `idempotency_in_progress`: The first request is still running',
  );
  expect(components.schemas).toHaveProperty('Problem');
});

test('an operation says what scope it needs, and takes an Idempotency-Key where it is idempotent', async () => {
  const { url } = await service();
  const operation = (await documentOf(url)).paths['/things/{id}']?.['post'];
  expect(operation?.security).toEqual([{ bearer: ['things:write'] }]);
  expect(
    operation?.parameters?.map(({ name, in: where, required }) => [name, where, required ?? false]),
  ).toEqual([
    ['id', 'path', true],
    ['idempotency-key', 'header', false],
  ]);
});

test('where callers need no token, an operation says so and still which scope a token needs', async () => {
  const { url } = await start((app) => {
    app.register(drain, {});
    app.register(auth, { mode: 'none' });
    app.register(openapi, { title: 'T', version: '1', description: '', problems, anonymous: true });
    app.register(async (api) => {
      api.get('/things', { config: { scope: 'things:read' }, schema: {} }, () => ({}));
    });
  });
  const operation = (await documentOf(url)).paths['/things']?.['get'];
  expect(operation?.security).toEqual([{}, { bearer: ['things:read'] }]);
});

test('an operation without a body documents what a bad one is answered with, where the method has one', async () => {
  const { url } = await start((app) => {
    app.register(drain, {});
    app.register(auth, { mode: 'none' });
    app.register(openapi, { title: 'T', version: '1', description: '', problems });
    app.register(async (api) => {
      api.get('/things', { schema: {} }, () => ({}));
      api.delete('/things', { schema: {} }, () => ({}));
    });
  });
  const { paths } = await documentOf(url);
  const statusesOf = (method: string) => Object.keys(paths['/things']?.[method]?.responses ?? {});
  expect(statusesOf('delete')).toEqual(expect.arrayContaining(['400', '413', '415']));
  expect(statusesOf('get')).not.toContain('415');
});

test('handlers are held to their schema, beside documented problems too', async () => {
  const schema = {
    response: { 200: Type.Object({ id: Type.String() }), ...problemResponses(problems, 'not_found') },
  };
  const { url } = await start((app) => {
    app.get('/right', { schema }, () => ({ id: 'x' }));
    // @ts-expect-error the answer has no id
    app.get('/wrong', { schema }, () => ({}));
  });
  expect((await fetch(`${url}/right`)).status).toBe(200);
  expect((await fetch(`${url}/wrong`)).status).toBe(500);
  // @ts-expect-error no such code
  expect(() => problemResponses(problems, 'no_such_code')).toThrow('unknown error code');
});

test('probes are documented as they are', async () => {
  const { url } = await service();
  const { paths } = await documentOf(url);
  const ready = paths['/ready']?.['get'];
  expect(ready?.security).toEqual([]);
  expect(Object.keys(ready?.responses ?? {})).toEqual(['200', '503']);
});

test.each(['/docs', '/docs/'])('the reference is at %s and needs no token', async (path) => {
  const { url } = await service();
  const response = await fetch(url + path, { redirect: 'manual' });
  expect(response.status).toBe(200);
  const html = await response.text();
  expect(html).toContain('swagger-ui');
  for (const [, asset] of html.matchAll(/(?:src|href)="([^"]+)"/g)) {
    expect((await fetch(new URL(asset ?? '', url + path))).status).toBe(200);
  }
});

test('its pages may load their own scripts, and nothing of others', async () => {
  const { url } = await service();
  const policy = (await fetch(`${url}/docs`)).headers.get('content-security-policy');
  expect(policy).toContain("default-src 'none'; script-src 'self';");
  expect(policy).not.toMatch(/https?:|script-src[^;]*unsafe/);
});

test.each([
  '/docs/static/nothing.js',
  '/docs/static/%2e%2e/package.json',
  '/docs/static/..%2f..%2fpackage.json',
])('%s is an ordinary 404', async (path) => {
  const { url } = await service();
  const response = await fetch(url + path);
  expect(response.status).toBe(404);
  expect((await problemOf(response)).code).toBe('not_found');
});

test('so is a path that the server of static files refuses', async () => {
  const { port } = await service();
  const answer = await exchange(
    port,
    'GET /docs/static/index.html/. HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  );
  expect(answer).toMatch(/^HTTP\/1.1 404 [^]*"code":"not_found"/);
});

test('what the type of an error points to is there', async () => {
  const { url } = await service();
  const { type } = await problemOf(await fetch(`${url}/nowhere`));
  const [page, fragment] = type.split('#');
  const html = await (await fetch(url + page)).text();
  expect(html).toContain(`<tr id="${fragment}">`);
  expect(html).toContain('<tr id="not-loaded"><td>409<td><code>not_loaded</code><td>Not &lt;loaded> yet');
});
