// Runs in a container of a service: `node --input-type=module - TIMES` starts its program so many times and prints for
// each the milliseconds from then to the first 200 of /health.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const port = process.env.PORT ?? process.env.ADMIN_PORT ?? '9464';
const times = [];
// One more than is counted: the first finds nothing in the page cache.
for (let start = 0; start <= Number(process.argv[2]); start++) {
  const begun = performance.now();
  const program = spawn(process.execPath, ['bin/main.js'], { stdio: 'ignore' });
  while (!(await lives())) {
    if (program.exitCode !== null || performance.now() - begun > 20_000) throw new Error('it does not start');
    await sleep(2);
  }
  if (start > 0) times.push(performance.now() - begun);
  program.kill('SIGKILL');
  await once(program, 'exit');
}
console.log(JSON.stringify(times));

function lives() {
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port, path: '/health', agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    }).on('error', () => resolve(false));
  });
}
