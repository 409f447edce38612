import { METHODS } from 'node:http';
import fc from 'fast-check';
import type { Contract, Operation, Parameter } from './contract.ts';
import type { Request } from './exchange.ts';
import { around, fitting, hostileText } from './values.ts';

/** What a request deserves by the contract. `either` where it depends on more than the request. */
export type Verdict = 'fits' | 'misfits' | 'either';

/** A request of an operation, its parts still apart. */
export interface Call {
  method: string;
  /** Of the path, by name. */
  path: Record<string, string>;
  query: [name: string, text: string][];
  headers: Record<string, string>;
  body: Body | undefined;
}

interface Body {
  headers: Record<string, string>;
  bytes: Buffer;
}

/** Ids that requests may use instead of made-up ones, most recent last. */
export type Ids = readonly string[];

/**
 * Requests of an operation, from fitting to hostile.
 *
 * @param ids what is there; read when a request is made, so that it may grow
 */
export function callsOf(contract: Contract, operation: Operation, ids: Ids): fc.Arbitrary<Call> {
  const { parameters, body } = operation;
  const inPath = parameters.filter((each) => each.in === 'path');
  const inQuery = parameters.filter((each) => each.in === 'query');
  const inHeaders = parameters.filter((each) => each.in === 'header');
  return fc.record({
    method: fc.oneof({ weight: 30, arbitrary: fc.constant(operation.method) }, otherMethod),
    path: fc.record(Object.fromEntries(inPath.map((each) => [each.name, pathText(contract, each, ids)]))),
    query: fc.oneof(
      { weight: 3, arbitrary: someOf(inQuery, (each) => fitting(contract, each.schema)) },
      { weight: 3, arbitrary: someOf(inQuery, (each) => around(contract, each.schema)) },
      { weight: 1, arbitrary: strangeQuery(inQuery) },
    ),
    headers: headersWith(contract, inHeaders),
    body: body === undefined ? uselessBody : bodies(contract, body),
  });
}

/** CONNECT asks for a tunnel, to which Node gives no answer. */
const otherMethod = fc.constantFrom(...METHODS.filter((method) => method !== 'CONNECT'));

function pathText(contract: Contract, { schema }: Parameter, ids: Ids): fc.Arbitrary<string> {
  const known = fc.nat(20).map((back) => ids.at(-1 - back) ?? ids[0] ?? '');
  return fc.oneof(
    { weight: 6, arbitrary: known },
    { weight: 1, arbitrary: known.map((id) => id.toUpperCase()) },
    { weight: 2, arbitrary: around(contract, schema).map(textOf) },
  );
}

/** Some of the parameters, each with its text. */
function someOf(
  parameters: Parameter[],
  valuesOf: (parameter: Parameter) => fc.Arbitrary<unknown>,
): fc.Arbitrary<[name: string, text: string][]> {
  const each = parameters.map((parameter) =>
    fc.option(valuesOf(parameter).map((value): [string, string] => [parameter.name, textOf(value)])),
  );
  return fc.tuple(...each).map((pairs) => pairs.filter((pair) => pair !== null));
}

/** Names that are unknown, repeated, or filters. */
function strangeQuery(parameters: Parameter[]): fc.Arbitrary<Call['query']> {
  const names = fc.oneof(
    fc.constantFrom('where.', 'where.a', 'where.__proto__', 'where', ...parameters.map(({ name }) => name)),
    hostileText,
    hostileText.map((name) => `where.${name}`),
  );
  return fc.array(fc.tuple(names, hostileText), { maxLength: 6 });
}

/** Those that any request may have. Node's client refuses what cannot stand in a header; raw.test.ts does not. */
const COMMON_HEADERS: Record<string, fc.Arbitrary<string>> = {
  'x-request-id': fc.oneof(
    fc.stringMatching(/^[A-Za-z0-9._-]{1,128}$/),
    hostileText,
    fc.constant('x'.repeat(129)),
  ),
  accept: fc.constantFrom('text/html', 'application/xml', '*/*;q=0', ';;;'),
  'accept-encoding': fc.constantFrom('gzip', 'br', 'identity;q=0'),
  authorization: fc.constantFrom('Bearer', 'Bearer x.y.z', 'Basic Og==', 'Bearer ' + 'x'.repeat(5_000)),
  cookie: hostileText,
  'content-encoding': fc.constantFrom('identity', 'gzip', 'x'),
  expect: fc.constantFrom('100-continue', '200-ok'),
  host: fc.constantFrom('x', 'localhost:1', '[::1]', 'a b'),
  'if-match': hostileText,
  'if-none-match': fc.constant('*'),
  range: fc.constantFrom('bytes=0-1', 'bytes=-1', 'rows=1'),
  origin: fc.constantFrom('null', 'https://example.org'),
  'last-event-id': hostileText,
  'x-forwarded-for': hostileText,
  'x-forwarded-proto': fc.constantFrom('https', 'ftp', ','),
  'x-http-method-override': fc.constantFrom('DELETE', 'NONE'),
  'transfer-encoding': fc.constant('chunked'),
  upgrade: fc.constantFrom('websocket', 'h2c'),
};

const commonHeader = fc.oneof(
  ...Object.entries(COMMON_HEADERS).map(([name, texts]) =>
    texts.map((text): [name: string, text: string] => [name, text]),
  ),
);

function headersWith(contract: Contract, declared: Parameter[]): fc.Arbitrary<Record<string, string>> {
  const common = fc.oneof(
    { weight: 2, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(commonHeader, { maxLength: 3 }) },
  );
  const own = someOf(declared, ({ schema }) => around(contract, schema));
  return fc
    .tuple(common, own)
    .map((pairs) => Object.fromEntries(pairs.flat().map(([name, text]) => [name, asHeader(text)])));
}

const JSON_TYPE = { 'content-type': 'application/json' };

const DAMAGED_JSON = [
  '',
  '{',
  '{"name":',
  '{"name":"x",}',
  "{'name':'x'}",
  '{"name":"x"}{"name":"y"}',
  '{"name":"x","name":"y"}',
  '{"__proto__":{"name":"x"}}',
  '{"name":"x","constructor":{"prototype":{}}}',
  '\u{feff}{"name":"x"}',
  '{"name":"\0"}',
  '[1e999]',
  '['.repeat(30_000),
  `{"name":"x","dialect":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}}`,
  `{${Array.from({ length: 2_000 }, (_, index) => `"m${index}":1`).join()}}`,
  `{"name":"${'x'.repeat(70_000)}"}`,
];

function bodies(contract: Contract, schema: NonNullable<Operation['body']>): fc.Arbitrary<Body | undefined> {
  const sent = around(contract, schema).map((value) => ({
    headers: JSON_TYPE,
    bytes: Buffer.from(JSON.stringify(value)),
  }));
  return fc.oneof({ weight: 6, arbitrary: sent }, { weight: 1, arbitrary: strangeBody });
}

const strangeBody: fc.Arbitrary<Body> = fc.record({
  headers: fc.oneof(
    fc.constant(JSON_TYPE),
    fc
      .constantFrom(
        'text/plain',
        'application/json; charset=utf-16',
        'multipart/form-data',
        'x',
        'application/',
      )
      .map((type) => ({ 'content-type': type })),
    fc.constant({}),
  ),
  bytes: fc.oneof(
    fc.constantFrom(...DAMAGED_JSON).map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  ),
});

const uselessBody: fc.Arbitrary<Body | undefined> = fc.oneof(
  { weight: 6, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: strangeBody },
  { weight: 1, arbitrary: fc.constant({ headers: JSON_TYPE, bytes: Buffer.from('{}') }) },
);

/** A call as it goes over the wire. */
export function toRequest({ path }: Operation, call: Call): Request {
  const target = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encoded(call.path[name] ?? ''));
  const search = call.query.map((pair) => pair.map(encoded).join('=')).join('&');
  const { bytes } = call.body ?? {};
  const headers = { ...call.body?.headers, ...call.headers };
  // Node would send a body of a method that seldom has one without saying how long it is.
  if (bytes && !('transfer-encoding' in headers)) headers['content-length'] = String(bytes.length);
  return {
    method: call.method,
    target: target + (search && `?${search}`),
    headers,
    ...(bytes && { body: bytes }),
  };
}

/** What a call deserves, by the schemas of the contract. */
export function verdictOf(contract: Contract, operation: Operation, call: Call): Verdict {
  const { path, query, headers } = call;
  const names = query.map(([name]) => name);
  const verdicts = operation.parameters.map((parameter): Verdict => {
    const { schema, name, required = false } = parameter;
    const texts =
      parameter.in === 'query'
        ? query.filter(([each]) => each === name).map(([, text]) => text)
        : [parameter.in === 'path' ? path[name] : headers[name]].filter((text) => text !== undefined);
    const [text, ...more] = texts;
    if (more.length > 0) return 'misfits';
    if (text === undefined) return required ? 'misfits' : 'fits';
    return contract.resolve(schema).type === 'integer'
      ? integerVerdict(contract, parameter, text)
      : verdict(contract.mismatch(schema, text.toWellFormed()) === undefined);
  });
  // Filters are for the dataset to judge; and where no query is declared, none is read.
  const undeclared = names.filter((name) => !operation.parameters.some((each) => each.name === name));
  if (operation.parameters.some((each) => each.in === 'query') && undeclared.length > 0) {
    verdicts.push(undeclared.every((name) => name.startsWith('where.')) ? 'either' : 'misfits');
  }
  verdicts.push(bodyVerdict(contract, operation, call));
  if (verdicts.includes('misfits')) return 'misfits';
  return verdicts.includes('either') ? 'either' : 'fits';
}

/** `7` is an integer and `x` is none; of ` 7`, `7.0` and `0x7` the contract says nothing. */
function integerVerdict(contract: Contract, { schema }: Parameter, text: string): Verdict {
  if (text === '' || contract.mismatch(schema, Number(text)) !== undefined) return 'misfits';
  return /^(0|[1-9]\d*)$/.test(text) ? 'fits' : 'either';
}

function bodyVerdict(contract: Contract, operation: Operation, { headers, body }: Call): Verdict {
  // With either of these Node's client announces a body even where it has none.
  const mayHaveBody = body !== undefined || 'transfer-encoding' in headers || 'expect' in headers;
  if (operation.body === undefined) return mayHaveBody ? 'either' : 'fits';
  if (body?.headers !== JSON_TYPE || 'content-encoding' in headers || body.bytes.length > 60_000)
    return 'either';
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body.bytes);
    return verdict(contract.mismatch(operation.body, JSON.parse(text)) === undefined);
  } catch {
    return 'either';
  }
}

const verdict = (fits: boolean): Verdict => (fits ? 'fits' : 'misfits');

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? '');

const encoded = (text: string): string => encodeURIComponent(text.toWellFormed());

/** Without what Node's client does not send, and as the server reads it: without spaces around it. */
function asHeader(text: string): string {
  return text.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '').replaceAll(/^[\t ]+|[\t ]+$/g, '');
}
