/*
 * `npm run rollback -- dev <commit>`: releases an older commit once more, whose images are still there: the run is that
 * of any release, by the pipeline or the CodeBuild project of infra/pipeline.yml, and this follows it to its end.
 * What migrations have done stays, so the older commit has to work with it: expand first, contract a release later.
 */
import { findImages } from './deploy/images.ts';
import { type Environment, ENVIRONMENTS } from './deploy/layers.ts';
import { say } from './deploy/log.ts';
import { followBuild, startBuild } from './deploy/code-build.ts';
import { followExecution, startExecution } from './deploy/code-pipeline.ts';
import { fullSha } from './deploy/commit.ts';
import { findStack, outputsOf } from './deploy/stack.ts';

const [name = '', given = ''] = process.argv.slice(2);

try {
  const environment = ENVIRONMENTS.find((known) => known === name);
  if (!environment || given === '') {
    throw new Error(`usage: npm run rollback -- ${ENVIRONMENTS.join('|')} <commit>`);
  }
  const sha = fullSha(given);
  if (!findImages(sha)) {
    throw new Error(
      `the registry has no images of ${sha}: was it ever released? It keeps those of the last 50.`,
    );
  }
  await rollBack(environment, sha);
  say(`\n${environment} is at ${sha}`);
} catch (error) {
  console.error(`\nrollback: ${(error as Error).message}`);
  process.exitCode = 1;
}

async function rollBack(environment: Environment, sha: string): Promise<void> {
  const stack = findStack('stowage-pipeline');
  const { PipelineName: pipeline, ProjectName: project } = stack ? outputsOf(stack) : {};
  if (pipeline && environment !== 'dev') {
    await followExecution(pipeline, startExecution(pipeline, environment, sha));
  } else if (project) {
    await followBuild(startBuild(project, environment, sha));
  } else {
    throw new Error(
      `stowage-pipeline has nothing that deploys ${environment}: \`git checkout ${sha} && npm run deploy -- ${environment}\``,
    );
  }
}
