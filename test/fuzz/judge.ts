import { problems } from '../../services/api/src/problems.ts';
import type { Contract, Operation } from './contract.ts';
import type { Answer, Request } from './exchange.ts';

/** What the contract says of an answer to any request. */
export interface Case {
  contract: Contract;
  /** None of a path that the contract does not have. */
  operation?: Operation;
  request: Request;
  answer: Answer;
}

const CLEAN_ID = /^[A-Za-z0-9._-]{1,128}$/;
/** What a body must never hold: stack traces, files and statements of ours. */
const INTERNALS = /\n {4}at |node:internal|node_modules|\.ts:\d|\bSELECT\b.*\bFROM\b|127\.0\.0\.1|localhost/;

/** Everything in which an answer departs from the contract. */
export function complaints(each: Case): string[] {
  const { operation, request, contract } = each;
  const found = [...ofAnyAnswer(each)];
  if (operation === undefined) return found;
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const methods = contract.methodsOf(operation.path);
  if (!methods.includes(method)) return [...found, ...ofRefusedMethod(each, methods)];
  const declared = contract.operations.find(
    (other) => other.path === operation.path && other.method === method,
  );
  return [...found, ...(declared ? ofDeclared(each, declared) : [])];
}

function* ofAnyAnswer({ contract, request, answer }: Case): Generator<string> {
  const { status, headers, body } = answer;
  if (status >= 500) yield `a ${status}`;
  const given = request.headers['x-request-id'];
  const id = headers['x-request-id'];
  if (typeof id !== 'string' || !CLEAN_ID.test(id)) yield `x-request-id is ${JSON.stringify(id)}`;
  if (given !== undefined && CLEAN_ID.test(given) && id !== given) yield 'x-request-id is not the caller’s';
  if (status < 400 || request.method === 'HEAD') return;

  if (headers['content-type'] !== 'application/problem+json') {
    yield `an error as ${headers['content-type']}`;
    return;
  }
  const problem = parsed(body) as Record<string, unknown> | undefined;
  const mismatch = contract.mismatch({ $ref: '#/components/schemas/Problem' }, problem);
  if (mismatch !== undefined) yield `not a problem: ${mismatch}`;
  if (problem?.['status'] !== status) yield 'the problem names another status';
  if (problem?.['instance'] !== id) yield 'the problem names another request';
  const code = String(problem?.['code']);
  const known = Object.entries(problems.table).find(([name]) => name === code)?.[1];
  if (known?.status !== status) yield `the code ${code} does not go with ${status}`;
  if (known && 'retryAfter' in known && headers['retry-after'] === undefined) yield 'no Retry-After';
  if (String(problem?.['type']).split('#')[1] !== code.replaceAll('_', '-')) yield 'type and code differ';
  if (INTERNALS.test(String(problem?.['title']))) yield 'it tells about the inside';
}

function* ofRefusedMethod({ answer }: Case, methods: string[]): Generator<string> {
  if (answer.status !== 405) {
    // What is no HTTP request is refused before anyone looks at its method.
    if (answer.status !== 400) yield `a method that is not there answers ${answer.status}`;
    return;
  }
  const allowed = answer.headers.allow?.split(/, */).filter((method) => method !== 'HEAD');
  if (allowed?.toSorted().join() !== methods.toSorted().join()) yield `Allow is ${answer.headers.allow}`;
}

function* ofDeclared({ contract, request, answer }: Case, operation: Operation): Generator<string> {
  const { status, headers, body } = answer;
  const types = operation.answers[status];
  if (types === undefined) {
    yield `${status} is not declared`;
    return;
  }
  const type = headers['content-type']?.split(';')[0] ?? '';
  if (!types.includes(type)) yield `${status} is declared as ${types.join()}, not ${type}`;
  if (request.method === 'HEAD') {
    if (body !== '') yield 'HEAD has a body';
    return;
  }
  const isStream = type === 'text/event-stream';
  const mismatch = contract.answerMismatch(operation, status, type, isStream ? body : parsed(body));
  if (mismatch !== undefined) yield `the body does not fit: ${mismatch}`;
  if (isStream) yield* ofEventStream(contract, body);
}

function* ofEventStream(contract: Contract, body: string): Generator<string> {
  const data = /^event: progress\ndata: (.*)\n\n/.exec(body)?.[1];
  if (data === undefined) yield `not an event: ${body.slice(0, 100)}`;
  const mismatch = contract.mismatch({ $ref: '#/components/schemas/Dataset' }, parsed(data ?? ''));
  if (mismatch !== undefined) yield `the event is no dataset: ${mismatch}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @throws with request and answer, when there are complaints */
export function accept(each: Case, ...more: string[]): void {
  const found = [...complaints(each), ...more];
  if (found.length === 0) return;
  const { request, answer } = each;
  throw new Error(
    [
      found.join('; '),
      `${request.method} ${request.target} ${JSON.stringify(request.headers)} ${request.body?.toString().slice(0, 500) ?? ''}`,
      `${answer.status} ${JSON.stringify(answer.headers)} ${answer.body.slice(0, 1_000)}`,
    ].join('\n'),
  );
}
