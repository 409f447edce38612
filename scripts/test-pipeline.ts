/*
 * `npm run test:pipeline`: runs buildspec.yml as CodeBuild does, against an AWS that is played on this machine: its API
 * by `test/pipeline/aws`, ECR by a registry, tasks and databases by containers. Needs Docker, and Python for the AWS
 * CLI, which is installed into `.tools/` at the first run.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '@stowage/local';
import { removeAll } from '../test/pipeline/docker.ts';
import { startAwsCli } from './test-pipeline/aws-cli.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const name = `stowage-pipeline-${randomUUID().slice(0, 8)}`;
const port = await freePort();
// For all that the tests write, to be removed even if they are cut off.
const folder = mkdtempSync(join(tmpdir(), `${name}-`));
process.env['TMPDIR'] = folder;
const aws = await startAwsCli();
const env = {
  ...process.env,
  STOWAGE_AWS_CLI: aws.folder,
  STOWAGE_PIPELINE: name,
  STOWAGE_REGISTRY_PORT: String(port),
};

// Ctrl-C reaches the tests as well, and they end; what they made is removed here.
process.on('SIGINT', () => undefined);
try {
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/pipeline/vitest.config.ts'];
  const tests = spawn(process.execPath, [...args, ...process.argv.slice(2)], {
    cwd: root,
    env,
    stdio: 'inherit',
  });
  const [status] = (await once(tests, 'close')) as [number | null];
  process.exitCode = status ?? 1;
} finally {
  aws.close();
  rmSync(folder, { recursive: true, force: true });
  await removeAll(`stowage.pipeline=${name}`, `127.0.0.1:${port}`);
}
