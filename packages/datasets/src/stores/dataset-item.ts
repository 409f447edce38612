import type { DialectRequest } from '../csv/index.ts';
import type { Dataset, DatasetRef, Failure, Status } from '../dataset.ts';

/** A dataset as DynamoDB keeps it. */
export interface Item {
  pk: string;
  sk: string;
  name: string;
  status: Status;
  createdAt: string;
  updatedAt: string;
  dialect: DialectRequest;
  bytes?: number;
  etag?: string;
  columns?: string[] | 'in S3';
  chunksTotal?: number;
  chunksLoaded: number;
  rowsLoaded: number;
  rowsRejected: number;
  failure?: Failure;
  /** When it goes unless it is completed, in seconds since the epoch: the table's TTL attribute. */
  expiresAt?: number;
}

const TENANT = 'tenant#';
const DATASET = 'dataset#';

/** The partition that holds all of a tenant's datasets. */
export function partition(tenant: string): string {
  return `${TENANT}${tenant}`;
}

export function datasetKey(ref: DatasetRef): { pk: string; sk: string } {
  return { pk: partition(ref.tenant), sk: `${DATASET}${ref.id}` };
}

/** @param getColumns fetches column names that were too long for the item, or null once they were removed */
export async function fromItem(
  item: Item,
  getColumns: (id: string) => Promise<string[] | null>,
): Promise<Dataset> {
  const id = item.sk.slice(DATASET.length);
  return {
    tenant: item.pk.slice(TENANT.length),
    id,
    name: item.name,
    status: item.status,
    createdAt: item.createdAt,
    updatedAt: item.updatedAt,
    bytes: item.bytes ?? null,
    etag: item.etag ?? null,
    dialect: item.dialect,
    columns: item.columns === 'in S3' ? await getColumns(id) : (item.columns ?? null),
    progress: {
      chunksTotal: item.chunksTotal ?? null,
      chunksLoaded: item.chunksLoaded,
      rowsLoaded: item.rowsLoaded,
      rowsRejected: item.rowsRejected,
    },
    failure: item.failure ?? null,
  };
}
