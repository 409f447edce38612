import { aws } from './aws.ts';
import { say } from './log.ts';
import { until } from './wait.ts';

interface Build {
  id: string;
  buildStatus: string;
  phases?: { phaseType: string; phaseStatus?: string; contexts?: { message?: string }[] }[];
  logs?: { deepLink?: string };
}

/** As long as infra/pipeline.yml lets a project run, and wait for its turn. */
const LONGEST_MINUTES = 10 * 60;

/** Starts a release of a commit by a CodeBuild project. @returns the build's id */
export function startBuild(project: string, environment: string, sha: string): string {
  const answer = aws('codebuild start-build', {
    projectName: project,
    sourceVersion: sha,
    environmentVariablesOverride: [{ name: 'ENVIRONMENT', value: environment, type: 'PLAINTEXT' }],
  });
  return (answer as { build: Build }).build.id;
}

/** Tells of a build's phases until it is over. @throws when it did not succeed */
export async function followBuild(id: string): Promise<void> {
  const told = new Set<string>();
  const build = await until(`build ${id}`, LONGEST_MINUTES, () => {
    const answer = aws('codebuild batch-get-builds', { ids: [id] });
    const [current] = (answer as { builds: Build[] }).builds;
    if (!current) throw new Error(`CodeBuild does not know ${id}`);
    for (const { phaseType, phaseStatus, contexts = [] } of current.phases ?? []) {
      if (phaseStatus === undefined || told.has(phaseType)) continue;
      told.add(phaseType);
      const reasons = contexts.flatMap(({ message }) => (message ? [message] : []));
      say(`  ${[phaseType.toLowerCase(), phaseStatus.toLowerCase(), ...reasons].join(' ')}`);
    }
    return current.buildStatus === 'IN_PROGRESS' ? undefined : current;
  });
  if (build.buildStatus !== 'SUCCEEDED') {
    throw new Error(`the build ended as ${build.buildStatus}. Its log: ${build.logs?.deepLink ?? id}`);
  }
}
