import { fit, displayWidth, truncate, visible } from './text.ts';

const GAP = '  ';

/** What a column is narrowed to before others are left out. */
const NARROWEST = 10;

export interface Column {
  title: string;
  align?: 'left' | 'right';
}

export interface TableOptions {
  columns: Column[];
  /** As they are in the data: control characters are made visible here. */
  rows: string[][];
  /** Terminal cells for a whole line. */
  width: number;
  /** The widest a column may get. Default 40. */
  maxColumnWidth?: number;
}

export interface Table {
  /** Titles, a rule, and the rows; none is wider than asked. */
  lines: string[];
  /** How many columns did not fit, at the right. */
  hidden: number;
}

/**
 * Aligns cells under their titles. If the whole is too wide, the widest columns are narrowed first, all to the
 * same width; then columns are left out from the right.
 */
export function table({ columns, rows, width, maxColumnWidth = 40 }: TableOptions): Table {
  const widest = Math.max(1, Math.min(maxColumnWidth, width));
  const titles = columns.map(({ title }) => truncate(visible(title), widest));
  const cells = rows.map((row) => row.map((cell) => shorten(cell, widest)));
  const natural = titles.map((title, index) =>
    Math.max(1, displayWidth(title), ...cells.map((row) => displayWidth(row[index] ?? ''))),
  );
  const shown = natural.slice(0, columnsThatFit(natural, width));
  const cap = largestCap(shown, width, widest);
  const widths = shown.map((column) => Math.min(column, cap));

  const line = (row: string[]) =>
    widths
      .map((cellWidth, index) => fit(row[index] ?? '', cellWidth, columns[index]?.align))
      .join(GAP)
      .trimEnd();
  const rule = widths.map((cellWidth) => '─'.repeat(cellWidth)).join(GAP);
  return { lines: [line(titles), rule, ...cells.map(line)], hidden: columns.length - shown.length };
}

/** Cut before it is escaped: a cell may have a megabyte, and only its start can be shown. */
function shorten(cell: string, width: number): string {
  const start = cell.slice(0, 8 * width);
  return truncate(visible(start) + (start === cell ? '' : '…'), width);
}

function columnsThatFit(natural: number[], width: number): number {
  let used = -GAP.length;
  for (const [index, column] of natural.entries()) {
    used += GAP.length + Math.min(column, NARROWEST);
    if (used > width) return Math.max(1, index);
  }
  return natural.length;
}

function largestCap(natural: number[], width: number, widest: number): number {
  const room = width - GAP.length * (natural.length - 1);
  for (let cap = widest; cap > 1; cap -= 1) {
    const total = natural.reduce((sum, column) => sum + Math.min(column, cap), 0);
    if (total <= room) return cap;
  }
  return 1;
}
