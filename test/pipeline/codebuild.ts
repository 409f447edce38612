import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';

type PhaseName = 'install' | 'pre_build' | 'build' | 'post_build';

interface Phase {
  'on-failure'?: 'ABORT' | 'CONTINUE';
  commands?: string[];
  finally?: string[];
}

interface Buildspec {
  version: number;
  env?: { shell?: string; variables?: Record<string, string>; 'exported-variables'?: string[] };
  phases: Partial<Record<PhaseName, Phase>>;
}

export interface Build {
  succeeded: boolean;
  /** What became of each phase that was begun. */
  phases: Partial<Record<PhaseName, 'SUCCEEDED' | 'FAILED'>>;
  output: string;
  exported: Record<string, string>;
}

const PHASES: readonly PhaseName[] = ['install', 'pre_build', 'build', 'post_build'];

/**
 * Runs a buildspec as CodeBuild does: each phase in a bash of its own, with what the phases before exported; the first
 * command that fails ends its phase; after a failed build comes post_build, but not after a failed install or pre_build,
 * nor where `on-failure` says ABORT.
 *
 * @param options.source the checked-out source
 * @param options.variables of the project, which win over those of the buildspec
 */
export async function runBuild(options: {
  source: string;
  commit: string;
  buildspec?: string;
  variables: Record<string, string>;
}): Promise<Build> {
  const { source, commit, variables } = options;
  const spec = parse(readFileSync(join(source, options.buildspec ?? 'buildspec.yml'), 'utf8')) as Buildspec;
  const state = mkdtempSync(join(tmpdir(), 'stowage-build-'));
  const carried = join(state, 'carried');
  writeFileSync(carried, `cd ${quote(source)}\n`);
  const environment = {
    ...machine(),
    ...spec.env?.variables,
    CODEBUILD_BUILD_ID: 'stowage:local',
    CODEBUILD_RESOLVED_SOURCE_VERSION: commit,
    CODEBUILD_SRC_DIR: source,
    ...variables,
  };
  const build: Build = { succeeded: true, phases: {}, output: '', exported: {} };
  try {
    for (const name of PHASES) {
      const phase = spec.phases[name];
      if (!phase) continue;
      const env = { ...environment, CODEBUILD_BUILD_SUCCEEDING: build.succeeded ? '1' : '0' };
      const passed = await runScript(script(phase, carried), env, (text) => (build.output += text));
      build.phases[name] = passed ? 'SUCCEEDED' : 'FAILED';
      build.succeeded &&= passed;
      const goesOn =
        passed || phase['on-failure'] === 'CONTINUE' || (name === 'build' && !phase['on-failure']);
      if (!goesOn) break;
    }
    const names = spec.env?.['exported-variables'] ?? [];
    const values = readFileSync(carried, 'utf8').matchAll(/^declare -x (\w+)="(.*)"$/gm);
    build.exported = Object.fromEntries(
      [...values].flatMap(([, name = '', value = '']) => (names.includes(name) ? [[name, value]] : [])),
    );
    return build;
  } finally {
    rmSync(state, { recursive: true, force: true });
  }
}

/** Commands that share variables and the folder; the first that fails is the last, but for `finally`. */
function script({ commands = [], finally: last = [] }: Phase, carried: string): string {
  const steps = commands.map((command) => `[ $status = 0 ] && { eval ${quote(command)}; status=$?; }`);
  return [
    `source ${quote(carried)}`,
    'status=0',
    ...steps,
    ...last.map((command) => `eval ${quote(command)}`),
    `{ export -p; echo cd "$(printf %q "$PWD")"; } >${quote(carried)}`,
    'exit $status',
  ].join('\n');
}

function runScript(
  text: string,
  env: Record<string, string>,
  show: (text: string) => void,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn('bash', ['-c', text], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', show);
    child.on('error', reject);
    child.on('close', (status) => resolve(status === 0));
  });
}

/** The test's own environment, without what npm and the test runner add to it. */
function machine(): Record<string, string> {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|VITEST|NODE_ENV|NODE_OPTIONS|INIT_CWD|AWS_)/i.test(name),
  );
  return Object.fromEntries(own) as Record<string, string>;
}

const quote = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
