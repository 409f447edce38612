import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../scripts/audit.ts', import.meta.url));

type Advise = (response: ServerResponse) => void;

/** Audits this repository with the real npm, by a registry that answers as told. */
async function audit(advise: Advise): Promise<{ code: number; output: string }> {
  const registry = createServer((request, response) => {
    if (request.url?.includes('/security/')) {
      request.resume().once('end', () => advise(response));
    } else {
      // Which versions there are of a package that is advised against.
      const name = decodeURIComponent(request.url?.slice(1) ?? '');
      const version = '8.20.0';
      response.end(JSON.stringify({ name, 'dist-tags': {}, versions: { [version]: { name, version } } }));
    }
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void registry.close());
  await once(registry, 'listening');

  // npm keeps what it heard of an advisory.
  const cache = mkdtempSync(join(tmpdir(), 'stowage-audit-'));
  onTestFinished(() => rmSync(cache, { recursive: true, force: true }));
  const { port } = registry.address() as AddressInfo;
  const { npm_execpath: _npm, ...environment } = process.env;
  const child = spawn(process.execPath, [SCRIPT], {
    env: {
      ...environment,
      npm_config_cache: cache,
      npm_config_registry: `http://127.0.0.1:${port}`,
      npm_config_fetch_retries: '0',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [output, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number]>,
  ]);
  return { code, output: output + errors };
}

const advisory =
  (severity: string): Advise =>
  (response) => {
    const found = {
      id: 1,
      url: 'https://example.org/1',
      title: 'A hole',
      severity,
      vulnerable_versions: '*',
    };
    response.end(JSON.stringify({ ajv: [found] }));
  };

test('a registry that knows of nothing passes', async () => {
  expect(await audit((response) => response.end('{}'))).toEqual({ code: 0, output: '' });
});

test('a finding of level high fails and is named', async () => {
  const { code, output } = await audit(advisory('high'));
  expect(code).toBe(1);
  expect(output).toContain('high: ajv');
});

test('a finding below is named and passes', async () => {
  const { code, output } = await audit(advisory('moderate'));
  expect(code).toBe(0);
  expect(output).toContain('moderate: ajv');
});

test('a registry without the endpoint passes, and it is said that nothing was audited', async () => {
  const { code, output } = await audit((response) => response.writeHead(405).end());
  expect(code).toBe(0);
  expect(output).toContain('NOT AUDITED');
});

test('a registry that fails is no pass', async () => {
  const { code, output } = await audit((response) => response.writeHead(500).end());
  expect(code).toBe(1);
  expect(output).toContain('npm audit gave no report');
});
