/*
 * `node warm-up.ts api|worker FOLDER`: runs the program of an image until it lives, and ends it, for Node to keep its
 * compiled code in NODE_COMPILE_CACHE. Nothing it depends on is there: what it lives without is what a start runs.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

const [service, folder = '.'] = process.argv.slice(2);
const NOWHERE = 'http://127.0.0.1:1';
const environment = {
  ...process.env,
  ...(service === 'api' ? { PORT: '3000', AUTH_MODE: 'none', DRAIN_DELAY_MS: '0' } : {}),
  AWS_REGION: 'us-east-1',
  AWS_ENDPOINT_URL: NOWHERE,
  AWS_ACCESS_KEY_ID: 'none',
  AWS_SECRET_ACCESS_KEY: 'none',
  DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
  BUCKET_NAME: 'none',
  TABLE_NAME: 'none',
  QUEUE_URL: `${NOWHERE}/none`,
  POLL_WAIT_SECONDS: '1',
  LOG_LEVEL: 'error',
};

const run = (program: string) =>
  spawn(process.execPath, [`bin/${program}.js`], { cwd: folder, env: environment, stdio: 'inherit' });

const main = run('main');
const deadline = Date.now() + 20_000;
for (let lives = false; !lives;) {
  if (main.exitCode !== null || Date.now() > deadline) throw new Error(`${service} does not start`);
  await sleep(100);
  const [status] = (await once(run('healthcheck'), 'exit')) as [number | null];
  lives = status === 0;
}
main.kill('SIGTERM');
const [status] = (await once(main, 'exit')) as [number | null];
if (status !== 0) throw new Error(`${service} ended with ${status}`);
