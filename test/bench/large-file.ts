/*
 * Loads one large generated file and watches the worker's memory: `node test/bench/large-file.ts [megabytes]`.
 * The memory must not depend on the file's size, and every row must be there.
 */
import { createWriteStream, openAsBlob, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { startApplication } from '../support/application.ts';
import { createClient, type Row } from '../support/client.ts';

const megabytes = Number(process.argv[2] ?? 1_000);
const path = join(tmpdir(), `stowage-${process.pid}.csv`);
const record = (row: number) =>
  `${row},name ${row},${(row * 7919) % 100_003},${row / 8},"quoted, ${row}",fixed text of some length\n`;

let records = 0;
function* blocks() {
  yield 'id,name,number,fraction,quoted,text\n';
  for (let bytes = 0; bytes < megabytes * 1e6;) {
    let block = '';
    while (block.length < 1 << 20) block += record(++records);
    bytes += block.length;
    yield block;
  }
}
await pipeline(Readable.from(blocks()), createWriteStream(path));

const application = await startApplication();
const client = createClient(application.url);
try {
  const { dataset, upload } = await client.create('large');
  const uploadBegun = performance.now();
  const sent = await client.upload(upload, await openAsBlob(path));
  if (!sent.ok) throw new Error(`the upload answered ${sent.status}`);
  const uploadSeconds = (performance.now() - uploadBegun) / 1_000;

  const memory: number[] = [];
  const sampler = setInterval(() => void residentMegabytes().then((now) => memory.push(now)), 250);
  const begun = performance.now();
  await client.complete(dataset.id);
  const ended = await client.until(
    dataset.id,
    ({ status }) => status === 'ready' || status === 'failed',
    600_000,
  );
  const seconds = (performance.now() - begun) / 1_000;
  clearInterval(sampler);
  if (ended.status !== 'ready' || ended.progress.rowsLoaded !== records)
    throw new Error(JSON.stringify(ended));

  for (let check = 0; check < 200; check++) {
    const row = 1 + Math.floor(Math.random() * records);
    const page = await client.json<{ items: Row[] }>(
      'GET',
      `/v1/datasets/${dataset.id}/rows?after=${row - 1}&limit=1`,
    );
    const [found] = page.items;
    const { id, name, number, fraction, quoted, text: fixed } = found?.values ?? {};
    if (`${id},${name},${number},${fraction},"${quoted}",${fixed}\n` !== record(row))
      throw new Error(`row ${row} differs`);
  }

  const size = statSync(path).size / 1e6;
  const sorted = memory.toSorted((a, b) => a - b);
  console.log(`file        ${size.toFixed(0)} MB, ${records.toLocaleString('en-US')} records
upload      ${uploadSeconds.toFixed(1)} s, ${(size / uploadSeconds).toFixed(0)} MB/s
load        ${seconds.toFixed(1)} s, ${(size / seconds).toFixed(0)} MB/s, ${Math.round(records / seconds).toLocaleString('en-US')} rows/s
worker RSS  median ${sorted[sorted.length >> 1]} MB, most ${sorted.at(-1)} MB
checked     200 random rows`);
} finally {
  await application.close();
  rmSync(path);
}

async function residentMegabytes(): Promise<number> {
  const text = await (await fetch(`${application.adminUrl('worker-1')}/metrics`)).text();
  return Math.round(Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1]) / 1e6);
}
