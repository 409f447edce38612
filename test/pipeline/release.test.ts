import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cloud, startCloud } from './cloud.ts';
import { type Build, runBuild } from './codebuild.ts';
import { createSource, type Source } from './source.ts';

/*
 * The life of an environment, in the order in which it happens: each test goes on where the one before ended.
 */

/** Stands for `npm test`, which has its own turn elsewhere: fails for a commit that has this file. */
const TEST_COMMAND = 'test ! -e broken-test';

let cloud: Cloud;
let source: Source;
const commits: Record<string, string> = {};

beforeAll(async () => {
  cloud = await startCloud(['dev', 'staging']);
  source = createSource();
  const forThisMachine = ['dev', 'staging', 'production'].map((name) => {
    const file = `infra/environments/${name}.json`;
    const { Parameters, Tags } = JSON.parse(source.read(file)) as { Parameters: object; Tags: object };
    const Architecture = process.arch === 'arm64' ? 'ARM64' : 'X86_64';
    return [file, JSON.stringify({ Parameters: { ...Parameters, Architecture, AuthMode: 'none' }, Tags })];
  });
  commits['first'] = source.commit('First', Object.fromEntries(forThisMachine));
});

afterAll(async () => {
  source?.remove();
  await cloud?.[Symbol.asyncDispose]();
});

async function release(commit: string, environment: string): Promise<Build> {
  source.checkout(commit);
  const { address } = cloud.registry;
  return runBuild({
    source: source.root,
    commit,
    variables: {
      ...cloud.environment,
      PATH: `${process.env['STOWAGE_AWS_CLI']}:${process.env['PATH']}`,
      POLL_SECONDS: '0.2',
      TEST_COMMAND,
      ENVIRONMENT: environment,
      API_REPOSITORY: `${address}/stowage-api`,
      WORKER_REPOSITORY: `${address}/stowage-worker`,
    },
    show: (text) => process.stderr.write(text.replaceAll(/^/gm, `${process.uptime().toFixed(0)} `)),
  });
}

test('the first release makes an environment from nothing', async () => {
  const build = await release(commits['first'] ?? '', 'dev');
  expect(build.phases).toEqual({ install: 'SUCCEEDED', pre_build: 'SUCCEEDED', build: 'SUCCEEDED' });
});
