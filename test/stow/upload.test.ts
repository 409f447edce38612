import { once } from 'node:events';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DATASET_ID, parseMultipart, startFakeApi } from './fake-api.ts';
import { startStow, stow, stowed, temporaryFile, temporaryFolder } from './run-stow.ts';

const MAX_RSS = /maxRss=(\d+)/;

/** Makes the command print the most memory it ever had (KiB) as it ends. */
const PRINT_MAX_RSS =
  '--import "data:text/javascript,process.on(`exit`,()=>process.stderr.write(`maxRss=${process.resourceUsage().maxRSS}`))"';

async function sparseFile(bytes: number): Promise<string> {
  const path = join(await temporaryFolder(), 'large.csv');
  await using file = await open(path, 'w');
  await file.truncate(bytes);
  return path;
}

test('a large file takes no more memory than a small one', async () => {
  await using api = await startFakeApi();
  const maxRss = async (bytes: number) => {
    const { stderr } = await stowed(['--url', api.url, await sparseFile(bytes)], {
      env: { NODE_OPTIONS: PRINT_MAX_RSS },
    });
    return Number(MAX_RSS.exec(stderr)?.[1]) * 1024;
  };
  const small = await maxRss(1_000);
  const large = await maxRss(300_000_000);

  expect(api.uploads[1]?.headers['content-length']).toBe(String(api.uploads[1]?.bytes));
  expect(api.uploads[1]?.bytes).toBeGreaterThan(300_000_000);
  expect(large - small).toBeLessThan(100_000_000);
});

test('an upload that breaks off is sent again, whole', async () => {
  await using api = await startFakeApi({
    onUpload: (request, _, attempt) => {
      if (attempt > 1) return false;
      request.once('data', () => request.socket.destroy());
      return true;
    },
  });
  const { stderr } = await stowed(['--url', api.url, await sparseFile(5_000_000)]);

  expect(stderr).toContain('Sending it again.');
  expect(api.uploads[0]?.headers['content-length']).toBe(String(api.uploads[0]?.bytes));
});

test('an upload that keeps breaking off is given up', async () => {
  let attempts = 0;
  await using api = await startFakeApi({
    onUpload: (request) => {
      attempts += 1;
      request.socket.destroy();
      return true;
    },
  });
  const { status, stderr } = await stow(['--url', api.url, await temporaryFile('a.csv', 'a\n1\n')]);

  expect(status).toBe(1);
  expect(attempts).toBe(3);
  expect(stderr).toMatch(/^stow: The upload to .* broke off: /m);
});

test('what the store says against the file is passed on, and not tried again', async () => {
  let attempts = 0;
  await using api = await startFakeApi({
    onUpload: (request, response, attempt) => {
      attempts = attempt;
      request.resume().on('end', () => {
        response.writeHead(403, { 'content-type': 'application/xml' });
        response.end('<Error><Code>AccessDenied</Code><Message>Policy expired</Message></Error>');
      });
      return true;
    },
  });
  const { status, stderr } = await stow(['--url', api.url, await temporaryFile('a.csv', 'a\n1\n')]);

  expect(status).toBe(1);
  expect(attempts).toBe(1);
  expect(stderr).toContain('stow: The store refused the upload: Policy expired (403 AccessDenied).');
  expect(api.requests.filter((request) => request.endsWith('/complete'))).toEqual([]);
});

test('an answer that comes before the whole file was sent ends the upload', async () => {
  await using api = await startFakeApi({
    onUpload: (request, response) => {
      request.pause();
      response.writeHead(400, { 'content-type': 'application/xml' });
      response.end('<Error><Code>EntityTooLarge</Code><Message>Too large</Message></Error>');
      return true;
    },
  });
  const { status, stderr } = await stow(['--url', api.url, await sparseFile(50_000_000)]);

  expect(status).toBe(1);
  expect(stderr).toContain('Too large (400 EntityTooLarge)');
});

test('a file above the limit is not sent at all', async () => {
  await using api = await startFakeApi({ maxBytes: 3 });
  const { status, stderr } = await stow(['--url', api.url, await temporaryFile('a.csv', 'a\n1\n')]);

  expect(status).toBe(1);
  expect(stderr).toContain('has 4 B, and the api takes at most 3 B.');
  expect(api.uploads).toEqual([]);
});

test('standard input is loaded under the name stdin and leaves no file behind', async () => {
  await using api = await startFakeApi();
  const folder = await temporaryFolder();
  await stowed(['--url', api.url, '-'], {
    input: 'a\n1\n',
    env: { TMPDIR: folder },
  });

  expect(api.bodies[0]).toMatchObject({ name: 'stdin' });
  const [upload] = api.uploads;
  const parts = parseMultipart(upload?.start ?? Buffer.alloc(0), upload?.headers['content-type'] ?? '');
  expect(parts.at(-1)).toEqual(['file', 'a\n1\n']);
  expect(await readdir(folder)).toEqual([]);
});

test('an interrupt while standard input is read leaves no file behind', async () => {
  const folder = await temporaryFolder();
  const { child, outcome } = startStow(['-'], { input: null, env: { TMPDIR: folder } });
  // More than a pipe holds: once it is written, the command has read some of it.
  child.stdin.write(Buffer.alloc(4_000_000, 'a\n'));
  await once(child.stdin, 'drain');
  child.kill('SIGINT');

  expect(await outcome).toEqual({ status: 130, stdout: '', stderr: 'stow: Interrupted.\n' });
  expect(await readdir(folder)).toEqual([]);
});

test('an interrupt while loading says which dataset stays', async () => {
  const { promise: loading, resolve } = Promise.withResolvers<void>();
  await using api = await startFakeApi({
    stateMs: 60_000,
    onRequest: (request) => {
      if (request.url?.endsWith('/events')) resolve();
      return false;
    },
  });
  const { child, outcome } = startStow(['--url', api.url, await temporaryFile('a.csv', 'a\n1\n')]);
  await loading;
  child.kill('SIGINT');

  const { status, stderr } = await outcome;
  expect(status).toBe(130);
  expect(stderr).toContain(`Dataset ${DATASET_ID} stays.`);
});
