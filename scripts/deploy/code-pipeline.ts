import { aws } from './aws.ts';
import type { Environment } from './layers.ts';
import { say } from './log.ts';
import { until } from './wait.ts';

interface ExecutionSummary {
  pipelineExecutionId: string;
  executionType?: string;
  sourceRevisions?: { revisionId?: string }[];
}

interface ActionExecution {
  stageName: string;
  actionName: string;
  status: string;
  output?: { executionResult?: { externalExecutionSummary?: string; externalExecutionUrl?: string } };
}

/** An approval waits for days; who waits here can be gone before. */
const LONGEST_MINUTES = 24 * 60;

/**
 * Brings a stage of the pipeline back to a commit. Where that commit has succeeded in the stage before, CodePipeline
 * rolls this stage alone back to it; else the commit goes through the whole pipeline, staging and approval included.
 *
 * @returns the id of the execution
 */
export function startExecution(pipeline: string, environment: Environment, sha: string): string {
  const stage = environment === 'staging' ? 'Staging' : 'Production';
  const earlier = succeededBefore(pipeline, stage, sha);
  if (earlier !== undefined) {
    say(`rolling ${stage} back to execution ${earlier}`);
    const answer = aws('codepipeline rollback-stage', {
      pipelineName: pipeline,
      stageName: stage,
      targetPipelineExecutionId: earlier,
    });
    return (answer as { pipelineExecutionId: string }).pipelineExecutionId;
  }
  say(`${sha} has not been in ${stage} of this pipeline: it goes through all of its stages`);
  const answer = aws('codepipeline start-pipeline-execution', {
    name: pipeline,
    sourceRevisions: [{ actionName: 'Source', revisionType: 'COMMIT_ID', revisionValue: sha }],
  });
  return (answer as { pipelineExecutionId: string }).pipelineExecutionId;
}

/** The newest execution of a commit that a stage can be rolled back to, which one that was a rollback cannot be. */
function succeededBefore(pipeline: string, stageName: string, sha: string): string | undefined {
  const answer = aws('codepipeline list-pipeline-executions', {
    pipelineName: pipeline,
    filter: { succeededInStage: { stageName } },
  });
  return (answer as { pipelineExecutionSummaries: ExecutionSummary[] }).pipelineExecutionSummaries.find(
    ({ executionType = 'STANDARD', sourceRevisions = [] }) =>
      executionType === 'STANDARD' && sourceRevisions.some(({ revisionId }) => revisionId === sha),
  )?.pipelineExecutionId;
}

/** Tells of an execution's actions until it is over. @throws when it did not succeed */
export async function followExecution(pipeline: string, id: string): Promise<void> {
  const told = new Set<string>();
  const status = await until(`execution ${id}`, LONGEST_MINUTES, () => {
    const actions = aws('codepipeline list-action-executions', {
      pipelineName: pipeline,
      filter: { pipelineExecutionId: id },
    });
    for (const action of (
      actions as { actionExecutionDetails: ActionExecution[] }
    ).actionExecutionDetails.toReversed()) {
      const text = describe(action);
      if (!told.has(text)) say(`  ${text}`);
      told.add(text);
    }
    const execution = aws('codepipeline get-pipeline-execution', {
      pipelineName: pipeline,
      pipelineExecutionId: id,
    });
    const { status: current } = (execution as { pipelineExecution: { status: string } }).pipelineExecution;
    return /^(InProgress|Stopping)$/.test(current) ? undefined : current;
  });
  if (status !== 'Succeeded') throw new Error(`execution ${id} of ${pipeline} ended as ${status}`);
}

function describe({ stageName, actionName, status, output }: ActionExecution): string {
  const { externalExecutionSummary, externalExecutionUrl } = output?.executionResult ?? {};
  const isWaiting = status === 'InProgress' && stageName === 'Approval';
  return [
    `${stageName}/${actionName}`,
    isWaiting ? 'waits for approval' : status.toLowerCase(),
    ...(status === 'Failed' ? [externalExecutionSummary, externalExecutionUrl] : []),
  ]
    .filter(Boolean)
    .join(' ');
}
