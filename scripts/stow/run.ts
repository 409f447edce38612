import type { ApiClient } from './api-client.ts';
import { datasetName, type Command } from './arguments.ts';
import type { Dataset } from './contract.ts';
import { describe } from './errors.ts';
import { follow } from './follow.ts';
import * as format from './format.ts';
import { loadStage, uploadStage, type Display } from './progress.ts';
import { describeLoad, type Result, type Timings } from './report.ts';
import type { Source } from './source.ts';
import { upload } from './upload.ts';

/** Enough to see what is wrong with a file. */
const REJECTS_SHOWN = 5;

export interface RunOptions {
  command: Command;
  source: Source;
  api: ApiClient;
  display: Display;
  /** Called as soon as there is a dataset, for whoever has to say what stays behind. */
  onCreated: (id: string) => void;
}

/** Create, upload, complete, follow, and fetch what there is to show. */
export async function run(options: RunOptions): Promise<Result & { timings: Timings }> {
  const { command, source, api, display, onCreated } = options;
  const { dataset: created, upload: target } = await api.create({
    name: command.name ?? datasetName(source.name),
    dialect: command.dialect,
  });
  const { id } = created;
  onCreated(id);
  display.say(`${source.label}, ${format.bytes(source.bytes)}, as dataset ${id}`);

  const uploading = stopwatch();
  let sent = 0;
  display.show(() => uploadStage(sent, source.bytes, uploading()));
  await upload(target, source, {
    onProgress: (bytes) => (sent = bytes),
    onRetry: (error) => display.say(`${describe(error)} Sending it again.`),
  });
  const uploadSeconds = uploading();
  display.say(
    `Uploaded ${format.bytes(source.bytes)} in ${format.duration(uploadSeconds)}, ` +
      format.byteRate(source.bytes, uploadSeconds),
  );

  const loading = stopwatch();
  let latest = await api.complete(id);
  display.show(() => loadStage(latest, loading()));
  const dataset = await follow(api, id, { onChange: (change) => (latest = change) });
  const timings = { upload: uploadSeconds, load: loading() };
  if (dataset.status !== 'ready') return { dataset, profile: null, rows: [], rejects: [], timings };

  display.say(describeLoaded(dataset, source.bytes, timings.load));
  const { rowsRejected } = dataset.progress;
  const [profile, rows, rejects] = await Promise.all([
    api.profile(id),
    command.rows > 0 ? api.rows(id, command.rows) : { items: [] },
    rowsRejected > 0 ? api.rejects(id, REJECTS_SHOWN) : { items: [] },
  ]);
  return { dataset, profile, rows: rows.items, rejects: rejects.items, timings };
}

function describeLoaded({ progress }: Dataset, bytes: number, seconds: number): string {
  const { rowsLoaded, rowsRejected } = progress;
  const rejected = rowsRejected > 0 ? ` (${format.count(rowsRejected)} rejected)` : '';
  const figures = describeLoad(rowsLoaded + rowsRejected, bytes, seconds);
  return `Loaded ${format.quantity(rowsLoaded, 'row')}${rejected} in ${figures}`;
}

function stopwatch(): () => number {
  const start = performance.now();
  return () => (performance.now() - start) / 1000;
}
