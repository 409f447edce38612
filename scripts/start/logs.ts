import { mkdirSync, openSync, writeSync } from 'node:fs';
import { stripVTControlCharacters, styleText } from 'node:util';

const COLOURS = { warn: 'yellow', error: 'red', fatal: 'red' } as const;

const OF_EVERY_LINE = ['level', 'time', 'service', 'version', 'msg', 'err'];
const OF_A_REQUEST = ['requestId', 'tenant', 'route', 'method', 'path', 'status', 'ms'];
const OF_A_MESSAGE = ['messageId', 'receiveCount', 'lastDelivery', 'queueUrl'];

/** What is shown in another way, or is of no use at a terminal; the files have it. */
const LEFT_OUT = new Set([...OF_EVERY_LINE, ...OF_A_REQUEST, ...OF_A_MESSAGE]);

interface Entry extends Record<string, unknown> {
  level?: string;
  time?: string;
  msg?: string;
  err?: { message?: string };
  method?: string;
  path?: string;
  status?: number;
  ms?: number;
}

/** Writes the services' log lines to one file each, as they are, and shows them on the terminal in a shorter form. */
export function openLogs(folder: string) {
  mkdirSync(folder, { recursive: true });
  const files = new Map<string, number>();
  let since: string | undefined;
  return {
    write: (service: string, line: string): void => {
      const file = files.get(service) ?? openSync(`${folder}/${service}.log`, 'a');
      files.set(service, file);
      writeSync(file, `${line}\n`);
      const entry = parsed(line);
      const colour = COLOURS[entry.level as keyof typeof COLOURS];
      if (colour) console.log(styleText(colour, short(service, entry)));
      else if (!entry.time || (since && entry.time > since)) console.log(fitted(short(service, entry)));
    },
    note: (text: string): void => console.log(styleText('bold', `${'stowage'.padEnd(9)} ${text}`)),
    /** Shows what is logged from now on, too; before, only warnings and errors. */
    follow: (): void => void (since = new Date().toISOString()),
  };
}

/** A line that is no JSON is an entry without a time. */
function parsed(line: string): Entry {
  try {
    return JSON.parse(line) as Entry;
  } catch {
    return { msg: line };
  }
}

function short(service: string, entry: Entry): string {
  const { msg = '', method, path, status, ms, err } = entry;
  const what = method ? `${method} ${path} ${status} ${ms} ms` : msg;
  // The shortest first: what does not fit into the line is an id, not a number.
  const details = Object.entries(entry)
    .filter(([name]) => !LEFT_OUT.has(name))
    .map(([name, value]) => `${name}=${brief(value)}`)
    .toSorted((a, b) => a.length - b.length);
  return [
    service.padEnd(9),
    what,
    ...(err?.message ? [`(${err.message})`] : []),
    ...details.map((detail) => styleText('dim', detail)),
  ].join(' ');
}

function brief(value: unknown): string {
  if (typeof value === 'number') return String(Math.round(value * 100) / 100);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** One line of the terminal, where there is one. */
function fitted(text: string): string {
  const plain = stripVTControlCharacters(text);
  const { columns } = process.stdout;
  return !columns || plain.length <= columns ? text : `${plain.slice(0, columns - 1)}…`;
}
