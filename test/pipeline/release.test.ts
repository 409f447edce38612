import { afterAll, beforeAll, beforeEach, expect, onTestFailed, test } from 'vitest';
import { createCodeBuild, projectVariables, type Variable } from './aws/codebuild.ts';
import { type Cloud, startCloud } from './cloud.ts';
import { type Build, runBuild } from './codebuild.ts';
import { deniedTo } from './rights.ts';
import { pathWithAws, run } from './run.ts';
import { createSource, type Source } from './source.ts';

/*
 * A project's life in an account, in the order in which it happens: each test goes on where the one before ended.
 */

/** Stands for `npm test`, which has its own turn elsewhere: fails in a commit that has the file. */
const BROKEN_TEST = 'broken-test';
const TEST_COMMAND = `test ! -e ${BROKEN_TEST}`;

let cloud: Cloud;
let source: Source;
let first: string;
let second: string;
let broken: string;
/** How much AWS had been asked, and how much pushed, when the test began. */
let before = { time: 0, calls: 0, pushes: 0 };

beforeAll(async () => {
  cloud = await startCloud(['dev', 'staging'], { codebuild: createCodeBuild(build).operations });
  source = createSource();
  first = source.commit(undefined, environmentsOfThisMachine());
}, 300_000);

afterAll(async () => {
  source?.remove();
  await cloud?.[Symbol.asyncDispose]();
}, 300_000);

beforeEach(() => {
  before = { time: Date.now(), calls: cloud.calls.length, pushes: cloud.registry.pushes.length };
});

test('the pipeline’s stack is made by hand', async () => {
  const { status, output } = await run('aws', {
    cwd: source.root,
    env: variables('person'),
    args: [
      'cloudformation',
      'deploy',
      '--stack-name',
      'stowage-pipeline',
      '--template-file',
      'infra/pipeline.yml',
      '--capabilities',
      'CAPABILITY_NAMED_IAM',
      '--parameter-overrides',
      'ConnectionArn=arn:aws:codeconnections:us-east-1:123456789012:connection/0f-1e',
      'Repository=example/stowage',
      'RepositoryUrl=https://git.example.com/stowage',
      'NodeImage=node:24.21.0-bookworm-slim',
    ],
  });

  expect(output).toContain('Successfully created/updated stack - stowage-pipeline');
  expect(status).toBe(0);
});

test('the first release makes an environment from nothing', async () => {
  const { phases, exported } = await release(first);

  expect(phases).toEqual({ install: 'SUCCEEDED', pre_build: 'SUCCEEDED', build: 'SUCCEEDED' });
  expect(await versionOf('dev')).toBe(first);
  expect(pushes()).toEqual([
    `stowage-api:${first}`,
    'stowage-api:cache',
    `stowage-worker:${first}`,
    'stowage-worker:cache',
  ]);
  expect(exported).toMatchObject({ API_IMAGE: imageOf('dev-api'), WORKER_IMAGE: imageOf('dev-worker') });
  expect(serviceOf('dev-api').desiredCount).toBe(3);
  expect(serviceOf('dev-worker').desiredCount).toBe(2);
  // The migration came before a service could be there, and made the logins of both programs.
  expect(operations().indexOf('RunTask')).toBeLessThan(
    operations().indexOf('CreateChangeSet stowage-dev-service-api'),
  );
  expect(
    await cloud.databases.query('dev', 'SELECT rolname FROM pg_roles WHERE rolcanlogin ORDER BY 1'),
  ).toBe('stowage_admin\nstowage_app\nstowage_migrate');
});

test('a new commit replaces the one before, and leaves alone how many tasks there are', async () => {
  second = source.commit(first, {
    'packages/datasets/migrations/9001_second.sql': 'create table stowage.second ();\n',
  });
  serviceOf('dev-api').desiredCount = 5;

  await release(second);

  expect(await versionOf('dev')).toBe(second);
  expect(serviceOf('dev-api').desiredCount).toBe(5);
  expect(await cloud.databases.query('dev', `SELECT to_regclass('stowage.second') IS NOT NULL`)).toBe('t');
  expect(changed()).toEqual(['stowage-dev-migrate', 'stowage-dev-service-api', 'stowage-dev-service-worker']);
});

test('a commit that is released again changes nothing', async () => {
  const { succeeded, output } = await release(second);

  expect(succeeded).toBe(true);
  expect(output).toContain('database is up to date');
  expect(pushes()).toEqual([]);
  expect(changed()).toEqual([]);
});

test('a commit whose tests fail is neither built nor deployed', async () => {
  const { phases } = await release(source.commit(second, { [BROKEN_TEST]: '' }));

  expect(phases).toEqual({ install: 'SUCCEEDED', pre_build: 'FAILED' });
  expect(pushes()).toEqual([]);
  expect(changed()).toEqual([]);
});

test('a migration that fails leaves both services as they were', async () => {
  const services = [serviceOf('dev-api').taskDefinition, serviceOf('dev-worker').taskDefinition];
  const migration = 'create table stowage.third ();\nalter table stowage.none add more text;\n';
  const { phases, output } = await release(
    source.commit(second, { 'packages/datasets/migrations/9002_third.sql': migration }),
  );

  expect(phases).toMatchObject({ build: 'FAILED' });
  expect(output).toContain(String.raw`relation \"stowage.none\" does not exist`);
  expect(changed()).toEqual(['stowage-dev-migrate']);
  expect([serviceOf('dev-api').taskDefinition, serviceOf('dev-worker').taskDefinition]).toEqual(services);
  expect(await versionOf('dev')).toBe(second);
  expect(await cloud.databases.query('dev', `SELECT to_regclass('stowage.third') IS NULL`)).toBe('t');
});

test('a service that does not start is rolled back, and the release says why', async () => {
  const file = 'infra/service-api.yml';
  broken = source.commit(second, { [file]: source.read(file).replace(`Value: '3000'`, 'Value: none') });
  const { phases, output } = await release(broken);

  expect(phases).toMatchObject({ build: 'FAILED' });
  expect(output).toContain('stowage-dev-service-api ended in UPDATE_ROLLBACK_COMPLETE');
  expect(output).toContain('deployment failed: tasks failed to start');
  expect(output).toContain('Essential container in task exited');
  expect(await versionOf('dev')).toBe(second);
  expect(serviceOf('dev-api').desiredCount).toBe(5);
});

test('a service that could not be made is made once it can be', async () => {
  const { succeeded } = await promote(broken, 'staging');
  expect(succeeded).toBe(false);
  expect(cloud.cloudFormation.stack('stowage-staging-service-api')?.status).toBe('ROLLBACK_COMPLETE');

  const { phases, output } = await promote(second, 'staging');
  expect(phases).toMatchObject({ build: 'SUCCEEDED' });
  expect(output).toContain('stowage-staging-service-api failed when it was first made: deleting it');
});

test('another environment gets the very images of the first one', async () => {
  expect(await versionOf('staging')).toBe(second);
  expect(imageOf('staging-api')).toBe(imageOf('dev-api'));
  expect(imageOf('staging-worker')).toBe(imageOf('dev-worker'));
});

test('a rollback releases an older commit by the same path', async () => {
  const { status, output } = await run('node', {
    cwd: source.root,
    env: variables('person'),
    args: ['scripts/rollback.ts', 'dev', first],
  });

  expect(output).toContain(`dev is at ${first}`);
  expect(status).toBe(0);
  expect(await versionOf('dev')).toBe(first);
  expect(pushes()).toEqual([]);
  // What the second commit's migration made is still there.
  expect(await cloud.databases.query('dev', `SELECT to_regclass('stowage.second') IS NOT NULL`)).toBe('t');
});

test('the pipeline’s roles may do what all of these releases did', () => {
  const pipeline = cloud.cloudFormation.stack('stowage-pipeline');
  if (!pipeline) throw new Error('there is no pipeline');
  const known = { stackName: cloud.cloudFormation.stackName, taskDefinition: cloud.ecs.definition };
  for (const [project, role] of [
    ['stowage-release', 'ReleaseRole'],
    ['stowage-deploy', 'DeployRole'],
  ] as const) {
    const calls = cloud.calls.filter(({ caller }) => caller === project);
    expect(calls.length).toBeGreaterThan(50);
    expect(deniedTo(role, pipeline, calls, known)).toEqual([]);
  }
});

/** Whoever is who in AWS, with no more waiting than a test has time for. */
function variables(caller: string): Record<string, string> {
  return {
    ...cloud.environment,
    AWS_ACCESS_KEY_ID: caller,
    PATH: pathWithAws(),
    POLL_SECONDS: '1',
  };
}

/** As CodeBuild runs a project of the pipeline's stack. */
async function build(project: string, commit: string, overrides: readonly Variable[]): Promise<Build> {
  source.checkout(commit);
  const result = await runBuild({
    source: source.root,
    commit,
    variables: {
      ...variables(project),
      ...projectVariables(cloud.cloudFormation.stack('stowage-pipeline'), project, overrides),
      TEST_COMMAND,
      // Only a privileged project has an engine.
      ...(project === 'stowage-deploy' ? { DOCKER_HOST: 'unix:///nowhere' } : {}),
    },
  });
  onTestFailed(() => void process.stderr.write(result.output));
  return result;
}

/** Of the project that builds and deploys by itself. */
const release = (commit: string): Promise<Build> => build('stowage-release', commit, []);

/** As the pipeline's later stages do. */
const promote = (commit: string, environment: string): Promise<Build> =>
  build('stowage-deploy', commit, [
    { name: 'ENVIRONMENT', value: environment },
    { name: 'GIT_SHA', value: commit },
  ]);

async function versionOf(environment: string): Promise<string> {
  const answer = await fetch(`${cloud.url(environment)}/openapi.json`);
  return ((await answer.json()) as { info: { version: string } }).info.version;
}

function serviceOf(name: string) {
  const service = cloud.ecs.service(`stowage-${name}`);
  if (!service) throw new Error(`there is no service ${name}`);
  return service;
}

const imageOf = (name: string): string | undefined =>
  cloud.ecs.definition(serviceOf(name).taskDefinition)?.ContainerDefinitions[0]?.Image;

const pushes = (): string[] => cloud.registry.pushes.slice(before.pushes);

/** What AWS was asked during the test. */
const operations = (): string[] =>
  cloud.calls
    .slice(before.calls)
    .map(({ operation, input }) => [operation, input['StackName']].filter(Boolean).join(' '));

/** Stacks that were made or changed during the test. */
const changed = (): string[] =>
  cloud.cloudFormation
    .stacks()
    .filter(({ events }) => events.some(({ Timestamp }) => Timestamp.getTime() >= before.time))
    .map(({ name }) => name);

/** The environments, for what this machine is, and with an owner’s choice where one must be made. */
function environmentsOfThisMachine(): Record<string, string> {
  const own = { Architecture: process.arch === 'arm64' ? 'ARM64' : 'X86_64', AuthMode: 'none' };
  const files = ['dev', 'staging', 'production'].map((name) => {
    const file = `infra/environments/${name}.json`;
    const { Parameters, Tags } = JSON.parse(source.read(file)) as { Parameters: object; Tags: object };
    return [file, JSON.stringify({ Parameters: { ...Parameters, ...own }, Tags })];
  });
  return Object.fromEntries(files);
}
