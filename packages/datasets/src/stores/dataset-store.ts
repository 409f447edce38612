import {
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import type { DialectRequest, FileHead } from '../csv/index.ts';
import {
  type Dataset,
  type DatasetRef,
  type Failure,
  type Progress,
  type Status,
  UPLOAD_WAIT_SECONDS,
} from '../dataset.ts';
import type { FileStore } from './file-store.ts';
import { datasetKey, fromItem, type Item, partition } from './dataset-item.ts';

/**
 * An item holds 400 KB (DynamoDB's limit) and a list shows a hundred of them: longer headers are kept in S3.
 * Counted in UTF-8 bytes of JSON.
 */
const MAX_INLINE_COLUMNS_BYTES = 64 * 1024;

export interface Page {
  items: Dataset[];
  /** Id to go on after; null on the last page. */
  next: string | null;
}

/**
 * The control plane: the state machine of dataset.ts, one conditional write for each arrow. A transition answers the
 * dataset as it is afterwards, or undefined when its state does not allow it (or it is gone).
 */
export interface DatasetStore {
  /** The id must be a new one. */
  create: (dataset: DatasetRef & { name: string; dialect: DialectRequest }) => Promise<Dataset>;
  get: (ref: DatasetRef) => Promise<Dataset | undefined>;
  /** Newest first: ids are UUIDv7, which sort by time. */
  list: (tenant: string, options: { limit: number; after?: string | undefined }) => Promise<Page>;
  /** The file is there: binds the dataset to this upload and ends its expiry. */
  enqueue: (ref: DatasetRef, file: { etag: string; bytes: number }) => Promise<Dataset | undefined>;
  /** The first record was read: rows are about to come. */
  startLoading: (ref: DatasetRef, head: FileHead) => Promise<Dataset | undefined>;
  /** Never backwards: late news from an earlier chunk changes nothing. `complete` makes the dataset ready. */
  recordProgress: (ref: DatasetRef, progress: Progress, complete: boolean) => Promise<Dataset | undefined>;
  /** The file is loaded whole: does what the two above do, at once. */
  recordLoaded: (ref: DatasetRef, head: FileHead, progress: Progress) => Promise<Dataset | undefined>;
  fail: (ref: DatasetRef, failure: Failure) => Promise<Dataset | undefined>;
  startDeleting: (ref: DatasetRef) => Promise<Dataset | undefined>;
  remove: (ref: DatasetRef) => Promise<void>;
  ping: (signal: AbortSignal) => Promise<void>;
}

/** @param options.now for tests; milliseconds since the epoch */
export function createDatasetStore(options: {
  dynamodb: DynamoDBDocumentClient;
  table: string;
  files: Pick<FileStore, 'putColumns' | 'getColumns'>;
  now?: () => number;
}): DatasetStore {
  const { dynamodb, table, files, now = Date.now } = options;
  const seconds = () => Math.floor(now() / 1_000);
  const load = (item: Item) => fromItem(item, files.getColumns);

  /** One arrow of the state machine. */
  async function transition(
    ref: DatasetRef,
    arrow: { from: Status[]; set: Partial<Item>; remove?: (keyof Item)[]; unlessHigher?: keyof Item },
  ): Promise<Dataset | undefined> {
    const set = Object.entries({ ...arrow.set, updatedAt: new Date(now()).toISOString() });
    const remove = arrow.remove ?? [];
    const names = new Set(['status', ...set.map(([name]) => name), ...remove]);
    const from = arrow.from.map((status, index) => [`:from${index}`, status] as const);
    const condition = [`#status IN (${from.map(([placeholder]) => placeholder).join(', ')})`];
    if (arrow.unlessHigher) condition.push(`#${arrow.unlessHigher} <= :${arrow.unlessHigher}`);
    const command = new UpdateCommand({
      TableName: table,
      Key: datasetKey(ref),
      UpdateExpression:
        `SET ${set.map(([name]) => `#${name} = :${name}`).join(', ')}` +
        (remove.length > 0 ? ` REMOVE ${remove.map((name) => `#${name}`).join(', ')}` : ''),
      ConditionExpression: condition.join(' AND '),
      ExpressionAttributeNames: Object.fromEntries([...names].map((name) => [`#${name}`, name])),
      ExpressionAttributeValues: Object.fromEntries([
        ...from,
        ...set.map(([name, value]) => [`:${name}`, value] as const),
      ]),
      ReturnValues: 'ALL_NEW',
    });
    try {
      const { Attributes } = await dynamodb.send(command);
      return await load(Attributes as Item);
    } catch (error) {
      if ((error as Error).name === 'ConditionalCheckFailedException') return undefined;
      throw error;
    }
  }

  async function toHead({ id }: DatasetRef, { dialect, columns }: FileHead): Promise<Partial<Item>> {
    const inline = Buffer.byteLength(JSON.stringify(columns)) <= MAX_INLINE_COLUMNS_BYTES;
    if (!inline) await files.putColumns(id, columns);
    return { dialect, columns: inline ? columns : 'in S3' };
  }

  return {
    async create({ tenant, id, name, dialect }) {
      const createdAt = new Date(now()).toISOString();
      const item: Item = {
        ...datasetKey({ tenant, id }),
        name,
        status: 'awaiting_upload',
        createdAt,
        updatedAt: createdAt,
        dialect,
        chunksLoaded: 0,
        rowsLoaded: 0,
        rowsRejected: 0,
        expiresAt: seconds() + UPLOAD_WAIT_SECONDS,
      };
      const ConditionExpression = 'attribute_not_exists(pk)';
      await dynamodb
        .send(new PutCommand({ TableName: table, Item: item, ConditionExpression }))
        .catch((error: Error) => {
          // The id is new, so the item is of this very call: the SDK sends it again when an answer was lost, and what
          // came of it since must not be overwritten.
          if (error.name !== 'ConditionalCheckFailedException') throw error;
        });
      return load(item);
    },

    async get(ref) {
      const command = new GetCommand({ TableName: table, Key: datasetKey(ref), ConsistentRead: true });
      const item = (await dynamodb.send(command)).Item as Item | undefined;
      // DynamoDB removes expired items within days, not at once.
      return item && (item.expiresAt ?? Infinity) > seconds() ? load(item) : undefined;
    },

    async list(tenant, { limit, after }) {
      const found: Item[] = [];
      let start = after === undefined ? undefined : datasetKey({ tenant, id: after });
      do {
        const page = await dynamodb.send(
          new QueryCommand({
            TableName: table,
            KeyConditionExpression: 'pk = :pk AND begins_with(sk, :datasets)',
            FilterExpression: 'attribute_not_exists(expiresAt) OR expiresAt > :now',
            ExpressionAttributeValues: {
              ':pk': partition(tenant),
              ':datasets': 'dataset#',
              ':now': seconds(),
            },
            ScanIndexForward: false,
            // Counted before the filter: not less when little is wanted, or expired items would be read one by one.
            Limit: limit + 1,
            ExclusiveStartKey: start,
            ConsistentRead: true,
          }),
        );
        found.push(...((page.Items ?? []) as Item[]));
        start = page.LastEvaluatedKey as typeof start;
      } while (start && found.length <= limit);
      const items = await Promise.all(found.slice(0, limit).map(load));
      return { items, next: found.length > limit ? (items.at(-1)?.id ?? null) : null };
    },

    enqueue: (ref, file) =>
      transition(ref, {
        from: ['awaiting_upload'],
        set: { status: 'queued', ...file },
        remove: ['expiresAt'],
      }),

    async startLoading(ref, head) {
      return transition(ref, {
        from: ['queued', 'loading', 'failed'],
        set: { status: 'loading', ...(await toHead(ref, head)) },
        remove: ['failure'],
      });
    },

    recordProgress: (ref, progress, complete) =>
      complete
        ? transition(ref, {
            from: ['loading', 'failed'],
            set: { status: 'ready', ...toProgress(progress) },
            remove: ['failure'],
          })
        : transition(ref, {
            from: ['loading', 'failed'],
            set: toProgress(progress),
            unlessHigher: 'chunksLoaded',
          }),

    async recordLoaded(ref, head, progress) {
      return transition(ref, {
        from: ['queued', 'loading', 'failed'],
        set: { status: 'ready', ...(await toHead(ref, head)), ...toProgress(progress) },
        remove: ['failure'],
      });
    },

    fail: (ref, failure) =>
      transition(ref, { from: ['queued', 'loading'], set: { status: 'failed', failure } }),

    startDeleting: (ref) =>
      transition(ref, {
        from: ['awaiting_upload', 'queued', 'loading', 'ready', 'failed', 'deleting'],
        set: { status: 'deleting' },
        remove: ['expiresAt'],
      }),

    async remove(ref) {
      await dynamodb.send(new DeleteCommand({ TableName: table, Key: datasetKey(ref) }));
    },

    async ping(signal) {
      const Key = { pk: 'readiness', sk: 'readiness' };
      await dynamodb.send(new GetCommand({ TableName: table, Key }), { abortSignal: signal });
    },
  };
}

function toProgress({ chunksTotal, ...loaded }: Progress): Partial<Item> {
  return chunksTotal === null ? loaded : { ...loaded, chunksTotal };
}
