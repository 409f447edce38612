import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';
import { say } from './log.ts';
import { until } from './wait.ts';

/** A load balancer takes a moment to find new targets healthy. */
const LONGEST_MINUTES = 3;

/**
 * Asks the application, through its load balancer, whether it lives, has what it depends on, and is the commit that was
 * released.
 *
 * @param url SMOKE_URL overrides it, `none` leaves the test out: a load balancer may let only others in
 * @throws with the last answer, when it is not so within some minutes
 */
export async function smokeTest(url: string, sha: string): Promise<void> {
  const base = process.env['SMOKE_URL'] || url;
  if (base === 'none') return say('left out, as SMOKE_URL says');
  let problem = '';
  await until(`${base} as ${sha}`, LONGEST_MINUTES, async () => {
    problem = await problemOf(base, sha).catch((error: unknown) => String(error));
    return problem === '' ? true : undefined;
  }).catch((error: Error) => {
    throw new Error(`${error.message}: ${problem}`);
  });
  say(`${base} answers as ${sha}`);
}

async function problemOf(base: string, sha: string): Promise<string> {
  const health = await get(`${base}/health`);
  if (health.status !== 200) return `/health is ${health.status}: ${health.body}`;
  // 200 alone is not enough: without Postgres the api is `degraded`, and stays in service.
  const ready = await get(`${base}/ready`);
  if (ready.status !== 200 || !ready.body.includes('"status":"ready"')) {
    return `/ready is ${ready.status}: ${ready.body}`;
  }
  const { status, body } = await get(`${base}/openapi.json`);
  if (status !== 200) return `/openapi.json is ${status}`;
  const { version } = (JSON.parse(body) as { info: { version: string } }).info;
  return version === sha ? '' : `it is version ${version}`;
}

function get(url: string): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const options = {
      agent: false,
      timeout: 10_000,
      // The certificate is for the application's name, not for the load balancer's; that it is valid is still checked.
      checkServerIdentity: () => undefined,
    };
    const request = url.startsWith('https:') ? getHttps(url, options) : getHttp(url, options);
    request.on('error', reject);
    request.on('timeout', () => request.destroy(new Error('no answer')));
    request.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode, body }));
      response.on('error', reject);
    });
  });
}
