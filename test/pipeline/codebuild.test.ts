import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runBuild } from './codebuild.ts';

/* What the other tests take for granted of the runner, which is in the place of CodeBuild. */

let source: string;

beforeEach(() => {
  source = mkdtempSync(join(tmpdir(), 'stowage-buildspec-'));
});

afterEach(() => rmSync(source, { recursive: true, force: true }));

function build(buildspec: string, variables: Record<string, string> = {}) {
  writeFileSync(join(source, 'buildspec.yml'), buildspec);
  return runBuild({ source, commit: 'c0ffee', variables });
}

test('variables and the folder go from phase to phase, and are exported if asked for', async () => {
  const { exported, succeeded } = await build(`
version: 0.2
env:
  exported-variables: [WHERE, SAID]
phases:
  install:
    commands: [mkdir inner, cd inner, export SAID="it's $CODEBUILD_RESOLVED_SOURCE_VERSION"]
  build:
    commands: [export WHERE="$(basename "$PWD")", HIDDEN=1]
`);
  expect(succeeded).toBe(true);
  expect(exported).toEqual({ WHERE: 'inner', SAID: "it's c0ffee" });
});

test('the project’s variables win over those of the buildspec', async () => {
  const { output } = await build(
    `
version: 0.2
env:
  variables: { ONE: spec, OTHER: spec }
phases:
  build:
    commands: [echo "$ONE $OTHER"]
`,
    { ONE: 'project' },
  );
  expect(output).toBe('project spec\n');
});

test('the first command that fails is the last of its phase, but for finally', async () => {
  const { output, phases } = await build(`
version: 0.2
phases:
  pre_build:
    commands: [echo one, 'false', echo two]
    finally: [echo last]
  build:
    commands: [echo three]
`);
  expect(output).toBe('one\nlast\n');
  expect(phases).toEqual({ pre_build: 'FAILED' });
});

test('post_build follows a build that failed, and knows it', async () => {
  const { output, succeeded } = await build(`
version: 0.2
phases:
  build:
    commands: [exit 3]
  post_build:
    commands: [echo "succeeding $CODEBUILD_BUILD_SUCCEEDING"]
`);
  expect(output).toBe('succeeding 0\n');
  expect(succeeded).toBe(false);
});

test('post_build does not follow a build that aborts', async () => {
  const { phases } = await build(`
version: 0.2
phases:
  build:
    on-failure: ABORT
    commands: ['false']
  post_build:
    commands: [echo never]
`);
  expect(phases).toEqual({ build: 'FAILED' });
});
