import { v7 as uuidv7 } from 'uuid';
import {
  type Dataset,
  type DatasetRef,
  type DatasetStore,
  type FileStore,
  type Message,
  presentProfile,
  type ReadStore,
} from '@stowage/datasets';
import type { Producer } from '@stowage/queue';
import { problem } from '../problems.ts';
import { pageOfRows } from './page-of-rows.ts';
import { createRecall } from './recall.ts';
import type { CreateDataset, CreatedDataset, DatasetView } from './schemas.ts';
import { type FilterQuery, toFilters } from './filters.ts';

export interface DatasetService {
  create: (tenant: string, request: CreateDataset) => Promise<CreatedDataset>;
  complete: (ref: DatasetRef) => Promise<DatasetView>;
  list: (
    tenant: string,
    page: { limit: number; cursor?: string | undefined },
  ) => Promise<{ items: DatasetView[]; nextCursor: string | null }>;
  get: (ref: DatasetRef) => Promise<DatasetView>;
  /** As `get`, with undefined for a dataset that is gone. */
  find: (ref: DatasetRef) => Promise<DatasetView | undefined>;
  /** Throws unless the dataset can be followed. */
  watchable: (ref: DatasetRef) => Promise<void>;
  remove: (ref: DatasetRef) => Promise<DatasetView>;
  /** A page of rows, as JSON text. */
  rows: (ref: DatasetRef, page: { after: number; limit: number }, filters: FilterQuery) => Promise<string>;
  rejects: (ref: DatasetRef, page: { after: number; limit: number }) => ReturnType<ReadStore['rejects']>;
  profile: (ref: DatasetRef) => Promise<{ columns: ReturnType<typeof presentProfile> }>;
}

/**
 * What the api does with datasets. All of it is control plane except the last three, which alone need Postgres.
 *
 * @param dependencies.scanRows how many rows one request with filters looks at
 * @param dependencies.uploadSeconds how long an upload form is valid, in seconds
 */
export function createDatasetService(dependencies: {
  datasets: DatasetStore;
  files: FileStore;
  reads: ReadStore;
  producer: Producer<Message>;
  uploadSeconds: number;
  scanRows: number;
}): DatasetService {
  const { datasets, files, reads, producer, uploadSeconds, scanRows } = dependencies;
  const recall = createRecall(datasets.get);

  async function existing(ref: DatasetRef, get = recall.latest): Promise<Dataset> {
    const dataset = await get(ref);
    if (!dataset) throw problem('not_found', `There is no dataset ${ref.id}.`);
    return dataset;
  }

  async function loaded(ref: DatasetRef, get = recall.latest): Promise<Dataset & { columns: string[] }> {
    const dataset = await existing(ref, get);
    const { status, columns } = dataset;
    if (status === 'deleting') throw problem('deleting');
    if (status !== 'ready') throw problem('not_loaded', `The dataset is ${status}, not ready.`);
    // Like rows and profile below: deleted since the record was read.
    if (!columns) throw problem('deleting');
    return { ...dataset, columns };
  }

  return {
    async create(tenant, { name, dialect = {} }) {
      // Half a surrogate pair is no character, and not every store would keep it.
      if (!name.isWellFormed()) {
        const errors = [{ pointer: '/name', detail: 'must be well-formed Unicode' }];
        throw problem('validation_failed', undefined, { errors });
      }
      const { delimiter = 'auto', header = true, encoding = 'utf-8' } = dialect;
      const id = uuidv7();
      const form = await files.uploadForm(id, uploadSeconds);
      const dataset = await datasets.create({ tenant, id, name, dialect: { delimiter, header, encoding } });
      return { dataset: toView(dataset), upload: { method: 'POST', ...form } };
    },

    async complete(ref) {
      const dataset = await existing(ref);
      if (dataset.status === 'deleting') throw problem('deleting');
      if (dataset.status !== 'awaiting_upload') return toView(dataset);
      const file = await files.head(ref.id);
      if (!file) throw problem('upload_missing');
      // The message first: a crash before the record leaves a message that the worker accepts; the other way round it
      // would leave a dataset that is queued for ever.
      await producer.send({ type: 'split-file', version: 1, tenant: ref.tenant, datasetId: ref.id, ...file });
      return toView((await datasets.enqueue(ref, file)) ?? (await existing(ref)));
    },

    async list(tenant, { limit, cursor }) {
      const { items, next } = await datasets.list(tenant, {
        limit,
        after: cursor ? decodeCursor(cursor) : undefined,
      });
      return { items: items.map(toView), nextCursor: next && encodeCursor(next) };
    },

    async get(ref) {
      return toView(await existing(ref));
    },

    async find(ref) {
      const dataset = await recall.latest(ref);
      return dataset && toView(dataset);
    },

    async watchable(ref) {
      const { status } = await existing(ref);
      if (status === 'deleting') throw problem('deleting');
    },

    async remove(ref) {
      const dataset = await existing(ref);
      // The message first, for the same reason as above; a repeat sends it again, which heals a lost one.
      await producer.send({ type: 'delete-dataset', version: 1, tenant: ref.tenant, datasetId: ref.id });
      // Gone already means that the worker was quicker than this line.
      const deleting = await datasets.startDeleting(ref).finally(() => recall.forget(ref));
      return toView(deleting ?? { ...dataset, status: 'deleting' });
    },

    async rows(ref, { after, limit }, query) {
      const { columns, progress } = await loaded(ref, recall.recent);
      const lastRow = progress.rowsLoaded + progress.rowsRejected;
      const filters = toFilters(query, columns);
      const page = await reads.rows(ref.id, { after, limit, lastRow, filters, scan: scanRows });
      if (!page) throw problem('deleting');
      return pageOfRows(columns, page);
    },

    async rejects(ref, page) {
      await loaded(ref);
      return reads.rejects(ref.id, page);
    },

    async profile(ref) {
      const { columns } = await loaded(ref);
      const profile = await reads.profile(ref.id);
      if (!profile) throw problem('deleting');
      return { columns: presentProfile(columns, profile) };
    },
  };
}

/** The public shape: neither tenant nor ETag. */
export function toView({ tenant: _tenant, etag: _etag, ...view }: Dataset): DatasetView {
  return view;
}

const encodeCursor = (id: string) => Buffer.from(id.replaceAll('-', ''), 'hex').toString('base64url');

/** Of a text that has the pattern of a cursor. */
const decodeCursor = (cursor: string) =>
  Buffer.from(cursor, 'base64url')
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
