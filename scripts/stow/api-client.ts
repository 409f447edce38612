import { randomUUID } from 'node:crypto';
import type {
  CreateAnswer,
  CreateRequest,
  Dataset,
  Page,
  Problem,
  Profile,
  Reject,
  Row,
} from './contract.ts';
import { ApiError, describeCause, describeProblem, NetworkError } from './errors.ts';
import { backoffMs, retry, type RetryPolicy } from './retry.ts';
import { parseEvents } from './server-sent-events.ts';
import { visible } from './text.ts';

/** No answer of the api takes this long: it times its own dependencies out well before. */
const REQUEST_TIMEOUT_MS = 30_000;

/** The stream starts with the current state at once. If it does not, something on the way holds it back. */
const FIRST_EVENT_TIMEOUT_MS = 5_000;

/** The api pings every 15 s; three missed pings are a dead connection. */
const SILENCE_TIMEOUT_MS = 45_000;

/** A longer `Retry-After` is reported instead of waited for. */
const LONGEST_WAIT_MS = 60_000;

const TRIES = 3;

export interface ApiClientOptions {
  url: string;
  token: string | undefined;
  onRetry?: RetryPolicy['onRetry'];
}

/**
 * The api as functions. Each one tries three times when the connection fails or the api asks for patience, and
 * rejects with ApiError or NetworkError, or with the signal's reason once that is aborted.
 */
export interface ApiClient {
  create(request: CreateRequest): Promise<CreateAnswer>;
  complete(id: string): Promise<Dataset>;
  dataset(id: string): Promise<Dataset>;
  profile(id: string): Promise<Profile>;
  rows(id: string, limit: number): Promise<Page<Row>>;
  rejects(id: string, limit: number): Promise<Page<Reject>>;
  /** The current state, then every change. Not retried: when it breaks, `follow` knows better what to do. */
  events(id: string): AsyncGenerator<Dataset>;
}

export function createApiClient({ url, token, onRetry }: ApiClientOptions): ApiClient {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };

  async function call<T>(method: string, path: string, headers: object = {}, body?: object): Promise<T> {
    const send = async () => {
      const response = await connect(method, path, {
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
        headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
        body: body && JSON.stringify(body),
      });
      return (await readJson(response, `${method} ${url}${path}`)) as T;
    };
    return await retry(send, { tries: TRIES, delayMs, onRetry });
  }

  /** Resolves with a successful answer whose body is still to be read. */
  async function connect(
    method: string,
    path: string,
    init: { signal: AbortSignal; headers: object; body?: string | undefined },
  ): Promise<Response> {
    const response = await network(() =>
      fetch(url + path, {
        method,
        headers: { ...authorization, ...init.headers },
        body: init.body ?? null,
        signal: init.signal,
      }),
    );
    if (!response.ok) throw await readError(response, `${method} ${url}${path}`);
    return response;
  }

  async function network<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw asNetworkError(error);
    }
  }

  function asNetworkError(error: unknown): unknown {
    if (error instanceof NetworkError) return error;
    const failure = new NetworkError(`The connection to ${url} failed: ${describeCause(error)}.`, error);
    if (failure.code !== 'ECONNREFUSED') return failure;
    return new NetworkError(
      `No api at ${url}. Start one with \`npm start\`, or name one with --url.`,
      failure.cause,
    );
  }

  async function readJson(response: Response, request: string): Promise<unknown> {
    const text = await network(() => response.text());
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw new ApiError(`${request} did not answer with JSON. Is ${url} a Stowage api?`, response.status);
    }
  }

  async function readError(response: Response, request: string): Promise<ApiError> {
    const retryAfterMs = parseRetryAfter(response.headers.get('retry-after'));
    if (!response.headers.get('content-type')?.startsWith('application/problem+json')) {
      await response.body?.cancel();
      const status = visible(`${response.status} ${response.statusText}`.trim());
      const hint = response.status < 500 ? ` Is ${url} a Stowage api?` : '';
      return new ApiError(`${request} answered ${status}.${hint}`, response.status, undefined, retryAfterMs);
    }
    const problem = (await readJson(response, request)) as Problem;
    return new ApiError(describeProblem(problem), response.status, problem.code, retryAfterMs);
  }

  return {
    create: async (request) => {
      // One key for all tries: if the answer to the first was lost, the second gets it again, not a second dataset.
      const answer = await call<Partial<CreateAnswer>>(
        'POST',
        '/v1/datasets',
        { 'idempotency-key': randomUUID() },
        request,
      );
      if (!answer.dataset || !answer.upload) {
        throw new ApiError(`${url} answered with something else. Is it a Stowage api?`, 201);
      }
      return { dataset: answer.dataset, upload: answer.upload };
    },
    complete: (id) => call('POST', `/v1/datasets/${id}/complete`),
    dataset: (id) => call('GET', `/v1/datasets/${id}`),
    profile: (id) => call('GET', `/v1/datasets/${id}/profile`),
    rows: (id, limit) => call('GET', `/v1/datasets/${id}/rows?limit=${limit}`),
    rejects: (id, limit) => call('GET', `/v1/datasets/${id}/rejects?limit=${limit}`),

    events: async function* events(id) {
      using silence = watchSilence();
      try {
        const response = await connect('GET', `/v1/datasets/${id}/events`, {
          signal: silence.signal,
          headers: { accept: 'text/event-stream' },
        });
        if (!response.body) return;
        for await (const { event, data } of parseEvents(silence.watch(response.body))) {
          if (event === 'progress') yield JSON.parse(data) as Dataset;
        }
      } catch (error) {
        throw error instanceof ApiError ? error : asNetworkError(error);
      }
    },
  };
}

/** Aborts `signal` when a stream says nothing for too long. */
function watchSilence() {
  const controller = new AbortController();
  const expire = () => controller.abort(new Error('the event stream fell silent'));
  let timer = setTimeout(expire, FIRST_EVENT_TIMEOUT_MS);
  return {
    signal: controller.signal,
    watch: async function* watch(body: AsyncIterable<Uint8Array>) {
      for await (const chunk of body) {
        clearTimeout(timer);
        timer = setTimeout(expire, SILENCE_TIMEOUT_MS);
        yield chunk;
      }
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}

/** Another try can help when no answer came, or when a proxy or the api itself says "not now". */
export function isTransient(error: unknown): boolean {
  if (error instanceof NetworkError) return true;
  if (!(error instanceof ApiError)) return false;
  return [429, 502, 503, 504].includes(error.status) || error.code === 'idempotency_in_progress';
}

function delayMs(error: unknown, attempt: number): number | undefined {
  if (!isTransient(error)) return undefined;
  const asked = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
  return asked > LONGEST_WAIT_MS ? undefined : asked + backoffMs(attempt);
}

/** RFC 9110, section 10.2.3: seconds or a date. */
function parseRetryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
