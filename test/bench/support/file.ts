import { createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** A CSV file of made-up measurements in a folder of its own. */
export interface CsvFile {
  path: string;
  bytes: number;
  records: number;
  remove: () => void;
}

/** Seven columns of text, numbers and times, and what each is in a typed table of Postgres. */
export const COLUMNS = {
  id: 'bigint',
  taken: 'timestamp',
  station: 'text',
  temperature: 'double precision',
  wind: 'double precision',
  pressure: 'integer',
  remark: 'text',
} as const;

const REMARKS = [
  'clear all over the sky',
  'few clouds at noon',
  'rain, then sun',
  'fog in the valley, dense',
  'heavy "squalls"',
  'light snow on the hills',
  'drizzle, with some wind',
];
const quoted = REMARKS.map((text) => (/[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text));

function record(row: number): string {
  const taken = new Date(1_600_000_000_000 + row * 60_000).toISOString().slice(0, 19);
  const station = `STATION-${String((row * 7_919) % 9_973).padStart(4, '0')}`;
  const temperature = (((row * 37) % 700) - 300) / 10;
  const wind = ((row * 101) % 4_000) / 100;
  return `${row},${taken},${station},${temperature},${wind},${960 + ((row * 13) % 80)},${quoted[row % 7]}\n`;
}

/** Records of the file of most benchmarks, which has 185 MB. */
export const RECORDS = 2_400_000;

export async function csvFile(records: number): Promise<CsvFile> {
  const folder = mkdtempSync(join(tmpdir(), 'stowage-bench-'));
  const path = join(folder, 'measurements.csv');
  await pipeline(Readable.from(blocks(records)), createWriteStream(path));
  return {
    path,
    bytes: statSync(path).size,
    records,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function* blocks(records: number): Generator<string> {
  yield `${Object.keys(COLUMNS).join(',')}\n`;
  const A_BLOCK = 10_000;
  for (let first = 1; first <= records; first += A_BLOCK) {
    const last = Math.min(records, first + A_BLOCK - 1);
    yield Array.from({ length: last - first + 1 }, (_, index) => record(first + index)).join('');
  }
}
