/*
 * `npm run deploy -- dev`: brings an environment to the commit that is checked out, by the steps that CodeBuild takes in
 * buildspec.yml. It needs Node, Docker, the AWS CLI and its credentials. The first two steps can be had alone:
 *   npm run deploy -- test    runs the tests, unless the registry has the commit's images
 *   npm run deploy -- images  builds and pushes these, unless it has; prints their names as `export` lines
 */
import { spawnSync } from 'node:child_process';
import { commit } from './deploy/commit.ts';
import { buildImages, findImages, type Images } from './deploy/images.ts';
import { type Environment, ENVIRONMENTS } from './deploy/layers.ts';
import { say, title } from './deploy/log.ts';
import { release } from './deploy/release.ts';

const [step = ''] = process.argv.slice(2);

try {
  if (step === 'test') test(commit());
  else if (step === 'images') print(commit(), images(commit()));
  else if (isEnvironment(step)) await deploy(step, commit());
  else throw new Error(`usage: npm run deploy -- ${[...ENVIRONMENTS, 'test', 'images'].join('|')}`);
} catch (error) {
  console.error(`\ndeploy: ${(error as Error).message}`);
  process.exitCode = 1;
}

function test(sha: string): void {
  title(`tests of ${sha}`);
  if (findImages(sha)) return say('its images are there already, so it was tested');
  const { status } = spawnSync(process.env['TEST_COMMAND'] || 'npm test', {
    shell: true,
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) throw new Error('the tests failed. Nothing was built and nothing was deployed.');
}

function images(sha: string): Images {
  title(`images of ${sha}`);
  const there = findImages(sha);
  if (there) say('they are there already');
  else buildImages(sha);
  const found = there ?? findImages(sha);
  if (!found) throw new Error('the registry does not have what was pushed to it');
  return found;
}

async function deploy(environment: Environment, sha: string): Promise<void> {
  test(sha);
  const found = images(sha);
  say(`${environment} gets\n  ${found.api}\n  ${found.worker}`);
  await release(environment, sha, found);
  title(`${environment} is at ${sha}`);
}

function print(sha: string, { api, worker }: Images): void {
  console.log(`export GIT_SHA=${sha}\nexport API_IMAGE=${api}\nexport WORKER_IMAGE=${worker}`);
}

function isEnvironment(name: string): name is Environment {
  return (ENVIRONMENTS as readonly string[]).includes(name);
}
