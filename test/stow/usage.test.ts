import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { datasetName, parseArguments } from '../../scripts/stow/arguments.ts';
import { UsageError } from '../../scripts/stow/errors.ts';
import { startFakeApi } from './fake-api.ts';
import { stow, stowed, temporaryFile, temporaryFolder } from './run-stow.ts';

test('wrong usage is exit status 2, with a hint', async () => {
  const { status, stdout, stderr } = await stow(['--nope', 'a.csv']);
  expect(status).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toBe("stow: Unknown option '--nope'. Try --help.\n");
});

test('--help explains itself', async () => {
  const { status, stdout } = await stow(['--help']);
  expect(status).toBe(0);
  expect(stdout).toContain('--delimiter');
});

test.each([
  [
    'a file that does not exist',
    (folder: string) => join(folder, 'none.csv'),
    /^stow: There is no file .*none\.csv\.$/m,
  ],
  ['a directory', (folder: string) => folder, /^stow: .* is a directory\.$/m],
])('%s is exit status 2', async (_, file, message) => {
  const { status, stderr } = await stow([file(await temporaryFolder())]);
  expect(status).toBe(2);
  expect(stderr).toMatch(message);
});

test.each([
  ['file', async () => await temporaryFile('empty.csv', '')],
  ['standard input', () => Promise.resolve('-')],
])('an empty %s is exit status 2', async (_, file) => {
  const { status, stderr } = await stow([await file()]);
  expect(status).toBe(2);
  expect(stderr).toMatch(/^stow: .* is empty\.$/m);
});

test('under npm a path starts at the folder the user is in', async () => {
  await using api = await startFakeApi();
  const file = await temporaryFile('here.csv', 'a\n1\n');
  const elsewhere = join(dirname(file), 'elsewhere');
  await mkdir(elsewhere);
  const env = { npm_lifecycle_event: 'stow', INIT_CWD: dirname(file) };
  await stowed(['--url', api.url, 'here.csv'], { cwd: elsewhere, env });
  expect(api.bodies[0]).toMatchObject({ name: 'here' });
});

test.each([
  [[], /Which file/],
  [['a.csv', 'b.csv'], /One file at a time/],
  [['--delimiter', 'x', 'a.csv'], /--delimiter takes auto, comma, semicolon, tab, pipe, not x/],
  [['--encoding', 'latin1', 'a.csv'], /--encoding takes utf-8, windows-1252, not latin1/],
  [['--rows', '1001', 'a.csv'], /--rows takes a number from 0 to 1000/],
  [['--rows', 'ten', 'a.csv'], /--rows takes a number from 0 to 1000/],
  [['--name', '', 'a.csv'], /--name takes 1 to 200 characters/],
  [['--url', 'ftp://host', 'a.csv'], /must look like http:\/\/localhost:3000/],
  [['--url', 'localhost:3000', 'a.csv'], /must look like http:\/\/localhost:3000/],
  [['--url', 'http://me:secret@host', 'a.csv'], /use --token/],
  [['--token', 'a b', 'a.csv'], /printable ASCII/],
])('%j is refused', (args, message) => {
  const parse = () => parseArguments(args, {});
  expect(parse).toThrow(UsageError);
  expect(parse).toThrow(message);
});

test.each([
  ['auto', 'auto'],
  [',', ','],
  ['comma', ','],
  [';', ';'],
  ['semicolon', ';'],
  ['tab', '\t'],
  ['\\t', '\t'],
  ['\t', '\t'],
  ['|', '|'],
  ['pipe', '|'],
])('--delimiter %j is %j', (given, delimiter) => {
  expect(parseArguments(['--delimiter', given, 'a.csv'], {})).toMatchObject({ dialect: { delimiter } });
});

test('the command line wins over the environment, and an empty variable counts as none', () => {
  const env = { STOWAGE_URL: 'https://from.env/base/', STOWAGE_TOKEN: '' };
  expect(parseArguments(['a.csv'], env)).toMatchObject({ apiUrl: 'https://from.env/base', token: undefined });
  expect(parseArguments(['--url', 'http://here', 'a.csv'], env)).toMatchObject({ apiUrl: 'http://here' });
});

test('a dataset name is cut to 200 characters, none of them in half', () => {
  expect(datasetName('a'.repeat(300))).toBe('a'.repeat(200));
  expect(datasetName(`${'a'.repeat(199)}🚢`)).toBe('a'.repeat(199));
});
