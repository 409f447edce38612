import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { serveAws } from './aws/server.ts';
import { pathWithAws, run } from './run.ts';

/* By the pipeline. By a project of CodeBuild, release.test.ts has it. */

const root = fileURLToPath(new URL('../..', import.meta.url));
const KNOWN = 'a'.repeat(40);
const NEVER_IN_PRODUCTION = 'b'.repeat(40);
const UNKNOWN = 'c'.repeat(40);

let aws: Awaited<ReturnType<typeof serveAws>>;

beforeEach(async () => {
  const execution = (pipelineExecutionId: string, executionType: string) => ({
    pipelineExecutionId,
    executionType,
    status: 'Succeeded',
    sourceRevisions: [{ actionName: 'Source', revisionId: KNOWN }],
  });
  const actions = [
    { stageName: 'Production', actionName: 'Deploy', status: 'Succeeded' },
    { stageName: 'Approval', actionName: 'Approve', status: 'InProgress' },
  ];
  aws = await serveAws({
    hosts: ['127.0.0.1'],
    services: {
      cloudformation: {
        DescribeStacks: () => ({
          Stacks: [
            {
              StackName: 'stowage-pipeline',
              StackStatus: 'CREATE_COMPLETE',
              CreationTime: new Date(0),
              Outputs: [{ OutputKey: 'PipelineName', OutputValue: 'stowage' }],
            },
          ],
        }),
      },
      codepipeline: {
        // A rollback cannot itself be rolled back to.
        ListPipelineExecutions: () => ({
          pipelineExecutionSummaries: [
            execution('execution-2', 'ROLLBACK'),
            execution('execution-1', 'STANDARD'),
          ],
        }),
        RollbackStage: () => ({ pipelineExecutionId: 'execution-3' }),
        StartPipelineExecution: () => ({ pipelineExecutionId: 'execution-3' }),
        ListActionExecutions: () => ({ actionExecutionDetails: actions }),
        GetPipelineExecution: () => ({ pipelineExecution: { status: 'Succeeded' } }),
      },
      ecr: {
        BatchGetImage: ({ imageIds }: { imageIds: { imageTag: string }[] }) => ({
          images: imageIds.flatMap(({ imageTag }) =>
            imageTag === UNKNOWN ? [] : [{ imageId: { imageTag, imageDigest: `sha256:${imageTag}` } }],
          ),
          failures: [],
        }),
      },
    },
  });
});

afterEach(() => aws.close());

test('rolls back the one stage where the commit has succeeded before', async () => {
  const { status, output } = await rollBack('production', KNOWN);

  expect({ status, output }).toMatchObject({ status: 0 });
  expect(inputOf('RollbackStage')).toEqual({
    pipelineName: 'stowage',
    stageName: 'Production',
    targetPipelineExecutionId: 'execution-1',
  });
  expect(output).toContain('Production/Deploy succeeded');
});

test('sends a commit that was never there through the whole pipeline', async () => {
  const { output } = await rollBack('production', NEVER_IN_PRODUCTION);

  expect(inputOf('StartPipelineExecution')).toMatchObject({
    name: 'stowage',
    sourceRevisions: [
      { actionName: 'Source', revisionType: 'COMMIT_ID', revisionValue: NEVER_IN_PRODUCTION },
    ],
  });
  expect(output).toContain('Approval/Approve waits for approval');
});

test('refuses a commit that has no images', async () => {
  const { status, output } = await rollBack('production', UNKNOWN);

  expect(status).toBe(1);
  expect(output).toContain(`the registry has no images of ${UNKNOWN}`);
});

test('says what to do where nothing deploys the environment', async () => {
  const { status, output } = await rollBack('dev', KNOWN);

  expect(status).toBe(1);
  expect(output).toContain(`git checkout ${KNOWN} && npm run deploy -- dev`);
});

function rollBack(environment: string, commit: string) {
  return run('node', {
    cwd: root,
    args: ['scripts/rollback.ts', environment, commit],
    env: {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${aws.port}`,
      AWS_ACCESS_KEY_ID: 'person',
      AWS_SECRET_ACCESS_KEY: 'person',
      AWS_DEFAULT_REGION: 'us-east-1',
      API_REPOSITORY: 'registry/stowage-api',
      WORKER_REPOSITORY: 'registry/stowage-worker',
      PATH: pathWithAws(),
    },
  });
}

const inputOf = (operation: string) => aws.calls.find((call) => call.operation === operation)?.input;
