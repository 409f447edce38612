import { randomUUID } from 'node:crypto';
import type { Build } from '../codebuild.ts';
import type { FakeStack } from './cloudformation.ts';
import { Fault } from './fault.ts';

export interface Variable {
  name: string;
  value: string;
}

interface StartInput {
  projectName: string;
  sourceVersion?: string;
  environmentVariablesOverride?: Variable[];
}

/** What a project's environment says, by the stack that made it; overrides win. */
export function projectVariables(
  stack: FakeStack | undefined,
  projectName: string,
  overrides: readonly Variable[] = [],
): Record<string, string> {
  const project = [...(stack?.resources.values() ?? [])].find(
    ({ resource: { Type, Properties } }) =>
      Type === 'AWS::CodeBuild::Project' && Properties['Name'] === projectName,
  );
  if (!project) throw new Fault('ResourceNotFoundException', `Project cannot be found: ${projectName}`);
  const { EnvironmentVariables = [] } = project.resource.Properties['Environment'] as {
    EnvironmentVariables?: { Name: string; Value: string }[];
  };
  return Object.fromEntries([
    ...EnvironmentVariables.map(({ Name, Value }) => [Name, Value] as const),
    ...overrides.map(({ name, value }) => [name, value] as const),
  ]);
}

/** CodeBuild's API over builds that are run here. */
export function createCodeBuild(
  run: (project: string, sourceVersion: string, overrides: readonly Variable[]) => Promise<Build>,
) {
  const builds = new Map<string, Build | undefined>();
  /** What cannot even be checked out has failed, too. */
  const start = ({ projectName, sourceVersion = '', environmentVariablesOverride = [] }: StartInput) =>
    run(projectName, sourceVersion, environmentVariablesOverride).catch((error: unknown): Build => ({
      succeeded: false,
      phases: {},
      output: String(error),
      exported: {},
    }));
  return {
    operations: {
      StartBuild(input: StartInput) {
        const id = `${input.projectName}:${randomUUID()}`;
        builds.set(id, undefined);
        void start(input).then((build) => builds.set(id, build));
        return { build: { id, buildStatus: 'IN_PROGRESS' } };
      },
      BatchGetBuilds: ({ ids }: { ids: string[] }) => ({
        builds: ids.map((id) => {
          const build = builds.get(id);
          const status = build?.succeeded ? 'SUCCEEDED' : 'FAILED';
          return {
            id,
            buildStatus: build ? status : 'IN_PROGRESS',
            phases: Object.entries(build?.phases ?? {}).map(([phaseType, phaseStatus]) => ({
              phaseType: phaseType.toUpperCase(),
              phaseStatus,
            })),
          };
        }),
      }),
    },
  };
}
