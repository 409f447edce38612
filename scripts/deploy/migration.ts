import { aws } from './aws.ts';
import { say } from './log.ts';
import type { Values } from './parameters.ts';
import { until } from './wait.ts';

interface Task {
  taskArn: string;
  lastStatus: string;
  stoppedReason?: string;
  containers: { name: string; exitCode?: number; reason?: string }[];
}

interface TaskDefinition {
  containerDefinitions: {
    name: string;
    logConfiguration?: { options: { 'awslogs-group': string; 'awslogs-stream-prefix': string } };
  }[];
}

/** A migration of a large table may take long; one that hangs must not hold a release for ever. */
const LONGEST_MINUTES = 60;

/**
 * Runs the migration task and shows its log. It is the release's gate: it runs with the new image before any service
 * has it.
 *
 * @param outputs of the layers up to migrate.yml
 * @throws when it does not end with exit code 0
 */
export async function runMigration(outputs: Values, startedBy: string): Promise<void> {
  const need = (name: string): string => {
    const value = outputs[name];
    if (value === undefined) throw new Error(`no layer has the output ${name}`);
    return value;
  };
  const cluster = need('ClusterName');
  const network = {
    awsvpcConfiguration: {
      subnets: need('PrivateSubnetIds').split(','),
      securityGroups: [need('MigrateSecurityGroupId')],
      assignPublicIp: 'DISABLED',
    },
  };
  const taskDefinition = need('MigrateTaskDefinitionArn');
  const run = aws('ecs run-task', {
    cluster,
    taskDefinition,
    capacityProviderStrategy: [{ capacityProvider: need('CapacityProvider') }],
    networkConfiguration: network,
    startedBy,
  }) as { tasks: Task[]; failures: object[] };
  const [started] = run.tasks;
  if (!started) throw new Error(`ECS did not start the migration: ${JSON.stringify(run.failures)}`);
  const task = await until('the migration', LONGEST_MINUTES, () => {
    const answer = aws('ecs describe-tasks', { cluster, tasks: [started.taskArn] });
    const [current] = (answer as { tasks: Task[] }).tasks;
    return current?.lastStatus === 'STOPPED' ? current : undefined;
  });
  showLog(taskDefinition, task);
  const [container] = task.containers;
  if (container?.exitCode !== 0) {
    const why = [task.stoppedReason, container?.reason].filter(Boolean).join('; ');
    throw new Error(
      `the migration ended with ${container?.exitCode ?? 'no exit code'} (${why}). The services were left as they are.`,
    );
  }
}

function showLog(taskDefinition: string, { taskArn, containers }: Task): void {
  const answer = aws('ecs describe-task-definition', { taskDefinition });
  const { containerDefinitions } = (answer as { taskDefinition: TaskDefinition }).taskDefinition;
  const name = containers[0]?.name;
  const options = containerDefinitions.find((definition) => definition.name === name)?.logConfiguration
    ?.options;
  if (!options) return;
  const stream = `${options['awslogs-stream-prefix']}/${name}/${taskArn.split('/').at(-1)}`;
  try {
    const log = aws('logs get-log-events', {
      logGroupName: options['awslogs-group'],
      logStreamName: stream,
      startFromHead: true,
    });
    for (const { message } of (log as { events: { message: string }[] }).events) say(`  ${message}`);
  } catch (error) {
    // A task that never started has no log; why it did not is told by its stopped reason.
    say(`  no log: ${(error as Error).message}`);
  }
}
