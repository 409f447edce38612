import { parseArgs } from 'node:util';
import type { Delimiter, Dialect, Encoding } from './contract.ts';
import { describe, UsageError } from './errors.ts';

export const HELP = `Load a CSV file into a running Stowage api and show what came of it.

Usage: npm run -s stow -- [options] FILE.csv
       npm run -s stow -- [options] -          (reads standard input)

  --url URL          the api                    [STOWAGE_URL, or http://localhost:3000]
  --token TOKEN      bearer token for it        [STOWAGE_TOKEN; a command line is visible to others, prefer this]
  --name NAME        the dataset's name         [the file's, without its extension]
  --delimiter D      auto , ; tab | (also comma, semicolon, pipe)                                   [auto]
  --no-header        the first record is data, not names
  --encoding E       utf-8 or windows-1252                                                          [utf-8]
  --rows N           how many rows to show, 0 to 1000                                                  [10]
  --json             print one JSON document {dataset, profile, rows, rejects} and nothing else
  --help             print this

Exit status: 0 the dataset is ready, 1 it failed or could not be loaded, 2 wrong usage, 130 interrupted.
`;

const DEFAULT_URL = 'http://localhost:3000';

/** The contract's limits on a dataset's name and on a page of rows. */
const MAX_NAME_LENGTH = 200;
const MAX_ROWS = 1000;

const DELIMITERS = new Map<string, 'auto' | Delimiter>([
  ['auto', 'auto'],
  [',', ','],
  ['comma', ','],
  [';', ';'],
  ['semicolon', ';'],
  ['\t', '\t'],
  ['\\t', '\t'],
  ['tab', '\t'],
  ['|', '|'],
  ['pipe', '|'],
]);

const ENCODINGS = new Map<string, Encoding>([
  ['utf-8', 'utf-8'],
  ['windows-1252', 'windows-1252'],
]);

/** What the command line asks for. */
export interface Command {
  /** A path, or `-` for standard input. */
  file: string;
  /** The api's address without a trailing slash. */
  apiUrl: string;
  token: string | undefined;
  name: string | undefined;
  dialect: Dialect;
  rows: number;
  json: boolean;
}

/**
 * Reads the command line and the environment (`STOWAGE_URL`, `STOWAGE_TOKEN`).
 *
 * @throws UsageError when they make no sense; the message says what to change
 */
export function parseArguments(args: string[], env: NodeJS.ProcessEnv): Command | 'help' {
  const { values, positionals } = parse(args);
  if (values.help) return 'help';
  const [file, ...others] = positionals;
  if (file === undefined)
    throw new UsageError('Which file? Name one CSV file, or - for standard input. Try --help.');
  if (others.length > 0) throw new UsageError(`One file at a time, please: ${positionals.join(' ')}`);
  return {
    file,
    apiUrl: parseUrl(values.url ?? (env['STOWAGE_URL'] || DEFAULT_URL)),
    token: parseToken(values.token ?? (env['STOWAGE_TOKEN'] || undefined)),
    name: parseName(values.name),
    dialect: {
      delimiter: choose('--delimiter', values.delimiter, DELIMITERS),
      header: !values['no-header'],
      encoding: choose('--encoding', values.encoding.toLowerCase(), ENCODINGS),
    },
    rows: parseRows(values.rows),
    json: values.json,
  };
}

/** A file's name cut to what the api takes as a dataset's, never through the middle of a character. */
export function datasetName(fileName: string): string {
  return fileName.slice(0, MAX_NAME_LENGTH).replace(/[\ud800-\udbff]$/, '');
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        url: { type: 'string' },
        token: { type: 'string' },
        name: { type: 'string' },
        delimiter: { type: 'string', default: 'auto' },
        'no-header': { type: 'boolean', default: false },
        encoding: { type: 'string', default: 'utf-8' },
        rows: { type: 'string', default: '10' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    const [problem] = describe(error).split('. ');
    throw new UsageError(`${problem}. Try --help.`, { cause: error });
  }
}

function parseUrl(text: string): string {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash) {
    throw new UsageError(`The api's URL must look like ${DEFAULT_URL}, not ${text}`);
  }
  if (url.username || url.password) throw new UsageError('No user or password in the URL: use --token.');
  return url.origin + url.pathname.replace(/\/+$/, '');
}

function parseToken(text: string | undefined): string | undefined {
  if (text !== undefined && !/^[\x21-\x7e]+$/.test(text)) {
    throw new UsageError('The token must be printable ASCII without spaces.');
  }
  return text;
}

function parseName(text: string | undefined): string | undefined {
  if (text !== undefined && (text.length === 0 || text.length > MAX_NAME_LENGTH)) {
    throw new UsageError(`--name takes 1 to ${MAX_NAME_LENGTH} characters.`);
  }
  return text;
}

function parseRows(text: string): number {
  const rows = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (!(rows <= MAX_ROWS)) throw new UsageError(`--rows takes a number from 0 to ${MAX_ROWS}, not ${text}`);
  return rows;
}

function choose<T>(option: string, text: string, choices: Map<string, T>): T {
  const choice = choices.get(text);
  if (choice !== undefined) return choice;
  const words = [...choices.keys()].filter((key) => /^[a-z]/.test(key));
  throw new UsageError(`${option} takes ${words.join(', ')}, not ${text}`);
}
