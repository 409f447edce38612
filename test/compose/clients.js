// Runs inside the stack's network, on what an image has: Node alone. Clients as a load balancer has them ask the api of
// HOST: sixteen on connections kept alive, until the listener is closed, and sixteen on a new connection a request, until
// they had time to notice that it is no longer ready. (A connection that is opened in the very moment the listener closes
// is reset by the kernel; nobody can serve it.) Prints a Report, see drain.test.ts.
import { Agent, request } from 'node:http';

const { HOST, DATASET } = process.env;
const PATHS = ['/v1/datasets?limit=5', `/v1/datasets/${DATASET}`, `/v1/datasets/${DATASET}/rows`];
const keepAlive = new Agent({ keepAlive: true });
const report = { answered: 0, answeredAfterSignal: 0, refused: 0, failed: [] };
/** Less than the 5 s for which the api serves on after SIGTERM. */
const NOTICE_MS = 3_000;
let drainingSince = Infinity;

const ready = setInterval(() => {
  send('/ready', keepAlive).then(
    ({ status }) => status === 503 && (drainingSince = Math.min(drainingSince, Date.now())),
    () => undefined, // The clients report what fails.
  );
}, 50);

await Promise.all(Array.from({ length: 32 }, (_, index) => client(index % 2 ? keepAlive : false)));
clearInterval(ready);
keepAlive.destroy();
process.stdout.write(JSON.stringify(report));

async function client(agent) {
  const end = Date.now() + 60_000;
  for (let turn = 0; Date.now() < end; turn++) {
    const afterSignal = Date.now() > drainingSince;
    if (!agent && Date.now() - drainingSince > NOTICE_MS) return;
    try {
      const { status } = await send(PATHS[turn % PATHS.length], agent);
      if (status !== 200) report.failed.push(`answered ${status}`);
      report.answered++;
      if (afterSignal) report.answeredAfterSignal++;
    } catch (error) {
      if (['ECONNREFUSED', 'EHOSTUNREACH'].includes(error.code)) {
        report.refused++;
        return;
      }
      report.failed.push(String(error));
      if (report.failed.length > 20) return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function send(path, agent) {
  return new Promise((resolve, reject) => {
    const sending = request({ host: HOST, port: 3000, path, agent, timeout: 30_000 }, (response) => {
      response
        .on('error', reject)
        .on('end', () => resolve({ status: response.statusCode }))
        .resume();
    });
    sending
      .on('error', reject)
      .on('timeout', () => sending.destroy(new Error('timed out')))
      .end();
  });
}
