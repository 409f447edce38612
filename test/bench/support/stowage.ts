import { openAsBlob } from 'node:fs';
import type { Application } from '../../support/application.ts';
import { type Client, createClient } from '../../support/client.ts';
import type { CsvFile } from './file.ts';

/** How often the end of a load is looked for, in milliseconds: seldom, since that takes time from it. */
const POLL_MS = 250;
const PATIENCE_MS = 600_000;

/**
 * Uploads a file, which is not timed, and loads it. Returns the seconds from `complete` until the worker records that it
 * is `ready`, and the dataset.
 */
export async function load(
  application: Application,
  file: CsvFile,
): Promise<{ seconds: number; id: string }> {
  const client = createClient(application.url);
  const { dataset, upload } = await client.create('bench');
  const sent = await client.upload(upload, await openAsBlob(file.path));
  if (!sent.ok) throw new Error(`the upload answered ${sent.status}`);
  const begun = Date.now();
  await client.complete(dataset.id);
  const ended = await client.until(dataset.id, isFinal, PATIENCE_MS, POLL_MS);
  if (ended.status !== 'ready' || ended.progress.rowsLoaded !== file.records)
    throw new Error(JSON.stringify(ended));
  return { seconds: (Date.parse(ended.updatedAt) - begun) / 1_000, id: dataset.id };
}

/** Deletes a dataset and waits until it is gone. */
export async function remove(application: Application, id: string): Promise<void> {
  const client: Client = createClient(application.url);
  await client.remove(id);
  while ((await fetch(`${application.url}/v1/datasets/${id}`)).status !== 404);
}

const isFinal = ({ status }: { status: string }): boolean => status === 'ready' || status === 'failed';

/** One metric of a service, without labels. */
export async function metric(application: Application, service: string, name: string): Promise<number> {
  const text = await (await fetch(`${application.adminUrl(service)}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1]);
}
