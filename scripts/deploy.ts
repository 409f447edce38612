/*
 * `npm run deploy -- dev`: brings an environment to the commit that is checked out, by the steps that CodeBuild takes in
 * buildspec.yml. It needs Node, Docker, the AWS CLI and its credentials. The first two steps can be had alone:
 *   npm run deploy -- test    runs the tests, unless the registry has the commit's images
 *   npm run deploy -- images  builds and pushes these, unless it has; prints their names as `export` lines
 */
import { spawnSync } from 'node:child_process';
import { commit } from './deploy/commit.ts';
import { buildImages, findImages } from './deploy/images.ts';
import { type Environment, ENVIRONMENTS } from './deploy/layers.ts';
import { say, title } from './deploy/log.ts';
import { release } from './deploy/release.ts';

const [step = ''] = process.argv.slice(2);

try {
  if (step === 'test') test(commit());
  else if (step === 'images') images(commit());
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

function images(sha: string): void {
  title(`images of ${sha}`);
  if (findImages(sha)) say('they are there already');
  else buildImages(sha);
  const found = findImages(sha);
  if (!found) throw new Error('the registry does not have the images that were pushed');
  console.log(`export GIT_SHA=${sha}\nexport API_IMAGE=${found.api}\nexport WORKER_IMAGE=${found.worker}`);
}

async function deploy(environment: Environment, sha: string): Promise<void> {
  let found = findImages(sha);
  if (!found) {
    test(sha);
    images(sha);
    found = findImages(sha);
  }
  if (!found) throw new Error('the registry does not have the images that were pushed');
  say(`${environment} gets\n  ${found.api}\n  ${found.worker}`);
  await release(environment, sha, found);
  title(`${environment} is at ${sha}`);
}

function isEnvironment(name: string): name is Environment {
  return (ENVIRONMENTS as readonly string[]).includes(name);
}
