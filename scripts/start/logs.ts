import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { styleText } from 'node:util';

const COLOURS = { warn: 'yellow', error: 'red', fatal: 'red' } as const;

/** What every line has, and a person need not see. */
const LEFT_OUT = new Set(['level', 'time', 'service', 'version', 'msg', 'reqId', 'messageId', 'err']);

/** Writes the services’ log lines to one file each, as they are, and shows them on the terminal in a shorter form. */
export function openLogs(folder: string) {
  mkdirSync(folder, { recursive: true });
  const files = new Map<string, WriteStream>();
  return {
    write(service: string, line: string): void {
      const file = files.get(service) ?? createWriteStream(`${folder}/${service}.log`, { flags: 'a' });
      files.set(service, file);
      file.write(`${line}\n`);
      console.log(short(service, line));
    },
    note(text: string): void {
      console.log(styleText('bold', `stowage   ${text}`));
    },
  };
}

function short(service: string, line: string): string {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return `${service.padEnd(9)} ${line}`;
  }
  const details = Object.entries(entry).filter(([name]) => !LEFT_OUT.has(name));
  const error = entry['err'] as { message?: string } | undefined;
  const text = [
    service.padEnd(9),
    String(entry['msg'] ?? ''),
    ...(error?.message ? [`(${error.message})`] : []),
    styleText('dim', details.map(([name, value]) => `${name}=${brief(value)}`).join(' ')),
  ].join(' ');
  const colour = COLOURS[entry['level'] as keyof typeof COLOURS];
  return colour ? styleText(colour, text) : text;
}

function brief(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
