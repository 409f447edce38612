import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { install } from '../python-tool.ts';

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/**
 * Brings the command `aws`: the AWS CLI, of the version that is pinned (1, as Python's registry has it; 2 comes as an
 * installer).
 *
 * @throws when it cannot be installed
 */
export async function startAwsCli(): Promise<{ folder: string; close: () => void }> {
  const { python, folder: libraries } = install({ name: 'awscli', requirements: path('requirements.txt') });
  const folder = mkdtempSync(join(tmpdir(), 'stowage-aws-'));
  const socket = join(folder, 'socket');
  const client = `#!/bin/sh\nexec '${python}' -SE '${path('aws-client.py')}' '${socket}' "$@"\n`;
  writeFileSync(join(folder, 'aws'), client, { mode: 0o755 });
  const server = spawn(python, [path('aws-server.py'), socket], {
    env: { ...process.env, PYTHONPATH: libraries },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const close = () => {
    server.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  const [first] = (await Promise.race([once(server.stdout, 'data'), once(server, 'exit')])) as [unknown];
  if (String(first).trim() === 'ready') return { folder, close };
  close();
  throw new Error('the AWS CLI does not start');
}
