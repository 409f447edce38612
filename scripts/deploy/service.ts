import { aws } from './aws.ts';
import { say } from './log.ts';
import { resourcesOf, type Stack } from './stack.ts';
import { until } from './wait.ts';

interface Service {
  serviceName: string;
  status: string;
  desiredCount: number;
  runningCount: number;
  deployments: { status: string; rolloutState?: string; rolloutStateReason?: string }[];
  events: { createdAt: string | number; message: string }[];
}

interface Task {
  taskArn: string;
  stoppedReason?: string;
  containers: { name: string; exitCode?: number; reason?: string }[];
}

/** CloudFormation has waited for the service already; this is for what it does not wait for. */
const LONGEST_MINUTES = 15;

/** Waits until a service runs as many tasks as it wants, all of one deployment. @throws when a deployment failed */
export async function stable(cluster: string, service: string): Promise<void> {
  await until(`service ${service}`, LONGEST_MINUTES, () => {
    const found = find(cluster, service);
    const [deployment, ...others] = found?.deployments ?? [];
    if (!found || !deployment) throw new Error(`there is no service ${service} in ${cluster}`);
    if (deployment.rolloutState === 'FAILED') throw new Error(`${service}: ${deployment.rolloutStateReason}`);
    const settled = others.length === 0 && (deployment.rolloutState ?? 'COMPLETED') === 'COMPLETED';
    return (settled && found.runningCount === found.desiredCount) || undefined;
  });
}

/**
 * Prints what a person asks next when a service's stack failed: the service's last events, and why its tasks stopped.
 * ECS knows of stopped tasks for an hour, and of a deleted service too.
 */
export function explain(stack: Stack): void {
  for (const { ResourceType, PhysicalResourceId = '' } of resourcesOf(stack)) {
    const [, cluster = '', service = ''] = /:service\/([^/]+)\/(.+)$/.exec(PhysicalResourceId) ?? [];
    if (ResourceType !== 'AWS::ECS::Service' || service === '') continue;
    say(`events of ${service}, the newest first:`);
    for (const { createdAt, message } of find(cluster, service)?.events.slice(0, 15) ?? []) {
      say(
        `  ${new Date(typeof createdAt === 'number' ? createdAt * 1_000 : createdAt).toISOString()} ${message}`,
      );
    }
    say('tasks that stopped:');
    for (const { taskArn, stoppedReason = 'no reason', containers } of stoppedTasks(cluster, service)) {
      say(`  ${taskArn.split('/').at(-1)}: ${stoppedReason}`);
      for (const { name, exitCode, reason } of containers) {
        say(
          `    ${name}: ${[exitCode === undefined ? '' : `exit code ${exitCode}`, reason].filter(Boolean).join(', ')}`,
        );
      }
    }
  }
}

function find(cluster: string, service: string): Service | undefined {
  const answer = aws('ecs describe-services', { cluster, services: [service] });
  return (answer as { services: Service[] }).services[0];
}

function stoppedTasks(cluster: string, service: string): Task[] {
  const listed = aws('ecs list-tasks', { cluster, serviceName: service, desiredStatus: 'STOPPED' });
  const tasks = (listed as { taskArns: string[] }).taskArns.slice(0, 10);
  if (tasks.length === 0) return [];
  return (aws('ecs describe-tasks', { cluster, tasks }) as { tasks: Task[] }).tasks;
}
