import { styleText } from 'node:util';
import type { ColumnProfile, Dataset, Profile, Reject, Row } from './contract.ts';
import * as format from './format.ts';
import { table, type Table } from './table.ts';
import { truncate, visible } from './text.ts';

/** A file may have 1,600 columns; nobody reads that many lines. */
const MOST_COLUMNS = 40;

/** What a run brought, as `--json` prints it. All but the dataset is empty unless that is ready. */
export interface Result {
  dataset: Dataset;
  profile: Profile | null;
  rows: Row[];
  rejects: Reject[];
}

/** How long it took as seen from here, in seconds. */
export interface Timings {
  upload: number;
  load: number;
}

export interface ReportOptions {
  timings: Timings;
  /** A command that fetches the rows. */
  hint: string;
  /** Where it will be printed: decides about colour. */
  out: NodeJS.WritableStream;
  /** Terminal cells in a line. */
  width: number;
}

/** Everything about a dataset that is ready, as lines for a person. */
export function report(result: Result, options: ReportOptions): string {
  const bold = (text: string) => styleText('bold', text, { stream: options.out });
  const dim = (text: string) => styleText('dim', text, { stream: options.out });
  const section = (title: string, note: string, body: Table): string[] => [
    '',
    bold(title) + (note && dim(`  ${note}`)),
    ...body.lines.map((line, index) => (index < 2 ? dim(line) : line)),
    ...(body.hidden > 0 ? [dim(`+${format.quantity(body.hidden, 'more column')}`)] : []),
  ];

  const { dataset, profile, rows, rejects } = result;
  const { rowsLoaded, rowsRejected } = dataset.progress;
  const columns = profile?.columns ?? [];
  const lines = summary(result, options).map(([key, text]) => bold(key.padEnd(10)) + text);
  lines.push(...section('Columns', '', columnTable(columns, options.width)));
  if (columns.length > MOST_COLUMNS) {
    lines.push(dim(`+${format.quantity(columns.length - MOST_COLUMNS, 'more column')}`));
  }
  if (rows.length > 0) {
    const note = `first ${format.count(rows.length)} of ${format.count(rowsLoaded)}`;
    lines.push(...section('Rows', note, rowTable(rows, dataset, columns, options.width)));
  }
  if (rejects.length > 0) {
    const note = `first ${format.count(rejects.length)} of ${format.count(rowsRejected)}`;
    lines.push(...section('Rejects', note, rejectTable(rejects, options.width)));
  }
  lines.push('', dim(options.hint), '');
  return lines.join('\n');
}

function summary({ dataset }: Result, { timings, width }: ReportOptions): [string, string][] {
  const { rowsLoaded, rowsRejected, chunksTotal } = dataset.progress;
  const size = dataset.bytes ?? 0;
  const chunks = chunksTotal === null ? '' : ` in ${format.quantity(chunksTotal, 'chunk')}`;
  return [
    ['Dataset', dataset.id],
    ['Name', truncate(visible(dataset.name), width - 10)],
    ['File', `${format.bytes(size)}${chunks}, ${describeDialect(dataset)}`],
    ['Rows', `${format.count(rowsLoaded)} loaded, ${format.count(rowsRejected)} rejected`],
    ['Upload', `${format.duration(timings.upload)}, ${format.byteRate(size, timings.upload)}`],
    ['Load', describeLoad(rowsLoaded + rowsRejected, size, timings.load)],
  ];
}

export function describeLoad(rows: number, size: number, seconds: number): string {
  return [format.duration(seconds), format.rowRate(rows, seconds), format.byteRate(size, seconds)].join(', ');
}

function describeDialect({ dialect }: Dataset): string {
  const names = { auto: 'automatic', ',': 'comma', ';': 'semicolon', '\t': 'tab', '|': 'pipe' };
  return `${names[dialect.delimiter]}, ${dialect.encoding}${dialect.header ? '' : ', no header'}`;
}

function columnTable(columns: ColumnProfile[], width: number): Table {
  return table({
    columns: [
      { title: 'name' },
      { title: 'type' },
      { title: 'empty', align: 'right' },
      { title: 'min' },
      { title: 'max' },
    ],
    rows: columns
      .slice(0, MOST_COLUMNS)
      .map(({ name, type, empty, min, max }) => [
        name,
        type,
        format.count(empty),
        String(min ?? ''),
        String(max ?? ''),
      ]),
    width,
    maxColumnWidth: 28,
  });
}

function rowTable(rows: Row[], { columns }: Dataset, profiles: ColumnProfile[], width: number): Table {
  const names = columns ?? [];
  const types = new Map(profiles.map(({ name, type }) => [name, type]));
  return table({
    columns: [
      { title: 'row', align: 'right' },
      ...names.map((name) => ({ title: name, align: alignment(types.get(name)) })),
    ],
    rows: rows.map(({ row, values }) => [String(row), ...names.map((name) => values[name] ?? '')]),
    width,
  });
}

function alignment(type: 'number' | 'text' | undefined): 'left' | 'right' {
  return type === 'number' ? 'right' : 'left';
}

function rejectTable(rejects: Reject[], width: number): Table {
  return table({
    columns: [
      { title: 'row', align: 'right' },
      { title: 'line', align: 'right' },
      { title: 'reason' },
      { title: 'detail' },
      { title: 'raw' },
    ],
    rows: rejects.map(({ row, line, reason, detail, raw }) => [
      String(row),
      String(line),
      reason,
      detail,
      raw,
    ]),
    width,
  });
}
