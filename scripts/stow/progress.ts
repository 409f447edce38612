import { styleText } from 'node:util';
import type { WriteStream } from 'node:tty';
import type { Dataset } from './contract.ts';
import * as format from './format.ts';
import { truncate } from './text.ts';

const REDRAW_MS = 100;
const PLAIN_LINE_MS = 5_000;
const BAR_CELLS = { most: 28, least: 8 };

/** What the figures take as a rule; a bar has the rest. */
const FIGURES_CELLS = 58;

const LABEL_CELLS = 10;

/** One state of the work: a label, how far it is (0 to 1, or undefined when unknown), and figures. */
export interface Stage {
  label: string;
  fraction: number | undefined;
  figures: string[];
}

/** Where the run tells how it goes. */
export interface Display {
  /** What is going on now; asked again whenever it is time to draw. */
  show(stage: () => Stage): void;
  /** A line that stays. */
  say(line: string): void;
  /** Nothing more is going on. Further lines may still be said. */
  stop(): void;
}

/** One line, redrawn in place. */
export function terminalDisplay(out: WriteStream): Display {
  let current: (() => Stage) | undefined;
  const erase = () => out.write('\r\x1b[K');
  const draw = () => {
    if (current) out.write(`\r${drawStage(current(), out)}\x1b[K`);
  };
  const timer = setInterval(draw, REDRAW_MS).unref();
  return {
    show(stage) {
      current = stage;
    },
    say(line) {
      erase();
      out.write(`${line}\n`);
      draw();
    },
    stop() {
      clearInterval(timer);
      if (current) erase();
      current = undefined;
    },
  };
}

/** Plain lines for a log: what is said, and how far it is every five seconds. No control characters. */
export function plainDisplay(out: NodeJS.WritableStream): Display {
  let current: (() => Stage) | undefined;
  let last = '';
  const write = () => {
    const line = current ? plainStage(current()) : last;
    if (line !== last) out.write(`${line}\n`);
    last = line;
  };
  const timer = setInterval(write, PLAIN_LINE_MS).unref();
  return {
    show(stage) {
      current = stage;
    },
    say(line) {
      out.write(`${line}\n`);
    },
    stop() {
      clearInterval(timer);
    },
  };
}

export const silentDisplay: Display = { show() {}, say() {}, stop() {} };

export function uploadStage(sent: number, total: number, seconds: number): Stage {
  return {
    label: 'Uploading',
    fraction: sent / total,
    figures: [
      `${Math.floor((100 * sent) / total)}%`.padStart(4),
      `${format.bytes(sent).padStart(7)} of ${format.bytes(total)}`,
      format.byteRate(sent, seconds).padStart(9),
      format.clock(seconds),
    ],
  };
}

export function loadStage({ status, progress }: Dataset, seconds: number): Stage {
  const { chunksTotal, chunksLoaded, rowsLoaded, rowsRejected } = progress;
  if (status !== 'loading') return { label: 'Queued', fraction: undefined, figures: [format.clock(seconds)] };
  const rows = rowsLoaded + rowsRejected;
  const figures = [format.quantity(rows, 'row'), format.rowRate(rows, seconds), format.clock(seconds)];
  // Chunks are loaded while the file is still being split.
  if (chunksTotal === null)
    return {
      label: 'Loading',
      fraction: undefined,
      figures: [format.quantity(chunksLoaded, 'chunk'), ...figures],
    };
  const loaded = format.count(chunksLoaded).padStart(format.count(chunksTotal).length);
  return {
    label: 'Loading',
    fraction: chunksTotal === 0 ? 1 : chunksLoaded / chunksTotal,
    figures: [`${loaded} of ${format.quantity(chunksTotal, 'chunk')}`, ...figures],
  };
}

function plainStage({ label, figures }: Stage): string {
  return `${label}: ${figures.join(', ').replace(/ +/g, ' ').trimStart()}`;
}

/**
 * The bar's width depends on the terminal's alone, so that growing figures do not make it jump. Where there is
 * little room the bar goes first, then the last figures.
 */
function drawStage({ label, fraction, figures }: Stage, out: WriteStream): string {
  const columns = (out.columns || 80) - 1;
  const room = Math.min(BAR_CELLS.most, columns - LABEL_CELLS - FIGURES_CELLS);
  const cells = room < BAR_CELLS.least ? 0 : room;
  let text = '';
  for (const figure of figures) {
    const gap = text || cells > 0 ? '  ' : '';
    if (LABEL_CELLS + cells + text.length + gap.length + figure.length > columns) break;
    text += gap + figure;
  }
  return truncate(label.padEnd(LABEL_CELLS), columns) + drawBar(fraction, cells, out) + text;
}

function drawBar(fraction: number | undefined, cells: number, out: WriteStream): string {
  const filled = Math.round((fraction ?? 0) * cells);
  const paint = (style: 'cyan' | 'dim', text: string) => styleText(style, text, { stream: out });
  return paint('cyan', '━'.repeat(filled)) + paint('dim', '─'.repeat(cells - filled));
}
