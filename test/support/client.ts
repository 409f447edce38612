import { setTimeout as sleep } from 'node:timers/promises';
import type { Dataset, Page, Reject, Row, UploadTarget } from '../../scripts/stow/contract.ts';

export type { Dataset as DatasetView, Page, Reject, Row } from '../../scripts/stow/contract.ts';

export interface Upload extends UploadTarget {
  method: string;
  expiresAt: string;
}

/** How long a test waits for what must happen, in milliseconds. */
const PATIENCE_MS = 60_000;

/** Talks to a running api as any client would: by the HTTP contract alone. */
export function createClient(baseUrl: string) {
  async function json<T>(method: string, path: string, body?: unknown, status?: number): Promise<T> {
    const response = await fetch(`${baseUrl}${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const text = await response.text();
    if (status === undefined ? !response.ok : response.status !== status) {
      throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    }
    return JSON.parse(text) as T;
  }

  async function upload(form: Upload, file: Blob): Promise<Response> {
    const data = new FormData();
    for (const [name, value] of Object.entries(form.fields)) data.append(name, value);
    data.append('file', file);
    return fetch(form.url, { method: form.method, body: data });
  }

  const client = {
    json,
    upload,
    create: (name: string, dialect?: object) =>
      json<{ dataset: Dataset; upload: Upload }>(
        'POST',
        '/v1/datasets',
        dialect ? { name, dialect } : { name },
        201,
      ),
    complete: (id: string) => json<Dataset>('POST', `/v1/datasets/${id}/complete`, undefined, 202),
    get: (id: string) => json<Dataset>('GET', `/v1/datasets/${id}`),
    remove: (id: string) => json<Dataset>('DELETE', `/v1/datasets/${id}`, undefined, 202),

    /** Uploads a file and asks for it to be loaded. */
    async start(name: string, file: Blob | Buffer | string, dialect?: object): Promise<Dataset> {
      const created = await client.create(name, dialect);
      const sent = await upload(
        created.upload,
        file instanceof Blob ? file : new Blob([new Uint8Array(Buffer.from(file))]),
      );
      if (!sent.ok) throw new Error(`the upload answered ${sent.status}: ${await sent.text()}`);
      return client.complete(created.dataset.id);
    },

    /** Uploads a file and waits until it is ready or failed. */
    async load(name: string, file: Blob | Buffer | string, dialect?: object): Promise<Dataset> {
      const { id } = await client.start(name, file, dialect);
      return client.until(id, (dataset) => dataset.status === 'ready' || dataset.status === 'failed');
    },

    async until(
      id: string,
      holds: (dataset: Dataset) => boolean,
      patienceMs = PATIENCE_MS,
      pollMs = 50,
    ): Promise<Dataset> {
      const deadline = Date.now() + patienceMs;
      for (;;) {
        const dataset = await client.get(id);
        if (holds(dataset)) return dataset;
        if (Date.now() > deadline) throw new Error(`waited too long: ${JSON.stringify(dataset)}`);
        await sleep(pollMs);
      }
    },

    async rows(id: string, query = ''): Promise<Row[]> {
      return pages<Row>(`/v1/datasets/${id}/rows?limit=1000${query}`);
    },

    async rejects(id: string): Promise<Reject[]> {
      return pages<Reject>(`/v1/datasets/${id}/rejects?limit=1000`);
    },
  };

  /** Follows `nextAfter` to the end. */
  async function pages<T>(path: string): Promise<T[]> {
    const items: T[] = [];
    for (let after: number | null = 0; after !== null;) {
      const page: Page<T> = await json('GET', `${path}&after=${after}`);
      items.push(...page.items);
      after = page.nextAfter;
    }
    return items;
  }

  return client;
}

export type Client = ReturnType<typeof createClient>;
