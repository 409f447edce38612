import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { docker, dockerLogs, type Place, startContainer } from '../docker.ts';
import type { Deployed, Provider } from './cloudformation.ts';
import { Fault } from './fault.ts';
import type { LoadBalancer } from './load-balancer.ts';
import type { Logs } from './logs.ts';
import type { Secrets } from './secrets.ts';
import { dockerArguments, type TaskDefinition } from './task-definition.ts';

const ARN = 'arn:aws:ecs:us-east-1:123456789012';

/** How long a container may take to be healthy. */
const HEALTHY_MS = 60_000;

interface Task {
  taskArn: string;
  taskDefinitionArn: string;
  group: string;
  startedBy: string | undefined;
  lastStatus: string;
  stoppedReason: string | undefined;
  containers: { name: string; exitCode: number | undefined; reason: string | undefined }[];
  container: string;
}

interface ServiceState {
  serviceArn: string;
  serviceName: string;
  taskDefinition: string;
  desiredCount: number;
  task: Task;
  events: { id: string; createdAt: number; message: string }[];
}

interface ServiceProperties {
  ServiceName: string;
  TaskDefinition: string;
  DesiredCount?: number | string;
  LoadBalancers?: { ContainerName: string; ContainerPort: number }[];
  DeploymentConfiguration?: { DeploymentCircuitBreaker?: { ThresholdConfiguration?: { Value: number } } };
}

/**
 * ECS: task definitions with revisions, one-off tasks, and services. A task is a container, run as its definition says;
 * of a service's tasks one runs, whatever count it wants. A service moves to a new task definition when the new
 * container is healthy, and its circuit breaker ends a deployment whose containers are not.
 */
export function createEcs(options: {
  place: Place;
  /** Docker's arguments and variables that every container gets. */
  host: { args: string[]; env: Record<string, string> };
  /** With the registry's login: ECS pulls what it runs. */
  dockerEnv: NodeJS.ProcessEnv;
  secrets: Secrets;
  logs: Logs;
  loadBalancer: (environment: string) => LoadBalancer | undefined;
}) {
  const { logs, secrets } = options;
  const definitions = new Map<string, TaskDefinition>();
  const tasks = new Map<string, Task>();
  const services = new Map<string, ServiceState>();

  async function start(taskDefinitionArn: string, group: string, startedBy?: string): Promise<Task> {
    const definition = definitions.get(taskDefinitionArn);
    const [container] = definition?.ContainerDefinitions ?? [];
    if (!container) throw new Fault('ClientException', `TaskDefinition not found: ${taskDefinitionArn}`);
    await docker(['pull', '--quiet', container.Image], options.dockerEnv);
    const id = randomUUID().replaceAll('-', '');
    const task: Task = {
      taskArn: `${ARN}:task/${clusterOf(definition?.Family ?? '')}/${id}`,
      taskDefinitionArn,
      group,
      startedBy,
      lastStatus: 'RUNNING',
      stoppedReason: undefined,
      containers: [{ name: container.Name, exitCode: undefined, reason: undefined }],
      container: await startContainer(options.place, [
        ...options.host.args,
        ...dockerArguments(container, { env: options.host.env, secret: secrets.text }),
      ]),
    };
    tasks.set(task.taskArn, task);
    return task;
  }

  async function stopped(task: Task, exitCode: number, reason: string): Promise<void> {
    const definition = definitions.get(task.taskDefinitionArn)?.ContainerDefinitions[0];
    const logging = definition?.LogConfiguration?.Options;
    if (definition && logging) {
      const stream = `${logging['awslogs-stream-prefix']}/${definition.Name}/${task.taskArn.split('/').at(-1)}`;
      logs.put(logging['awslogs-group'] ?? '', stream, await dockerLogs(task.container));
    }
    for (const container of task.containers) container.exitCode = exitCode;
    Object.assign(task, { lastStatus: 'STOPPED', stoppedReason: reason });
  }

  async function runToTheEnd(task: Task): Promise<void> {
    const exitCode = Number(await docker(['wait', task.container]));
    await stopped(task, exitCode, 'Essential container in task exited');
  }

  /** @returns undefined when it is healthy, else why it is not */
  async function health(task: Task): Promise<string | undefined> {
    const deadline = performance.now() + HEALTHY_MS;
    while (performance.now() < deadline) {
      const format = '{{.State.Status}} {{.State.Health.Status}} {{.State.ExitCode}}';
      const [status, healthy, exitCode] = (
        await docker(['inspect', '--format', format, task.container])
      ).split(' ');
      if (healthy === 'healthy' && status === 'running') return undefined;
      if (status === 'exited') {
        await stopped(task, Number(exitCode), 'Essential container in task exited');
        return 'it exited';
      }
      if (healthy === 'unhealthy') break;
      await sleep(200);
    }
    await docker(['rm', '--force', task.container]);
    Object.assign(task, { lastStatus: 'STOPPED', stoppedReason: 'Task failed container health checks' });
    return 'it is not healthy';
  }

  function tell(service: Pick<ServiceState, 'events' | 'serviceName'>, message: string): void {
    const createdAt = Date.now() / 1_000;
    service.events.unshift({
      id: randomUUID(),
      createdAt,
      message: `(service ${service.serviceName}) ${message}`,
    });
  }

  async function deploy({ physicalId, resource, stack }: Deployed): Promise<void> {
    const properties = resource.Properties as unknown as ServiceProperties;
    const { ServiceName, TaskDefinition: taskDefinition, DesiredCount } = properties;
    const current = services.get(physicalId);
    const events = current?.events ?? [];
    const desiredCount = DesiredCount === undefined ? (current?.desiredCount ?? 1) : Number(DesiredCount);
    if (current?.taskDefinition === taskDefinition) return void Object.assign(current, { desiredCount });

    const { Value: attempts = 3 } =
      properties.DeploymentConfiguration?.DeploymentCircuitBreaker?.ThresholdConfiguration ?? {};
    const service = {
      serviceArn: physicalId,
      serviceName: ServiceName,
      taskDefinition,
      desiredCount,
      events,
    };
    for (let attempt = 1; ; attempt++) {
      const task = await start(taskDefinition, `service:${ServiceName}`);
      tell(service, `has started 1 tasks: (task ${task.taskArn.split('/').at(-1)}).`);
      const problem = await health(task);
      if (problem === undefined) {
        services.set(physicalId, { ...service, task });
        await routeTo(stack, properties, task);
        if (current) await docker(['rm', '--force', current.task.container]);
        tell(service, 'has reached a steady state.');
        return;
      }
      tell(service, `task ${task.taskArn.split('/').at(-1)} failed to start: ${problem}.`);
      if (attempt >= attempts) {
        tell(service, 'deployment failed: tasks failed to start.');
        // ECS keeps the service that a stack could not make until the stack is rolled back; its events tell why.
        if (!current) services.set(physicalId, { ...service, task });
        throw new Error(
          `Resource handler returned message: "Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'."`,
        );
      }
    }
  }

  async function routeTo(
    stack: string,
    { LoadBalancers = [] }: ServiceProperties,
    task: Task,
  ): Promise<void> {
    const [target] = LoadBalancers;
    if (!target) return;
    const address = await docker(['port', task.container, String(target.ContainerPort)]);
    options.loadBalancer(environmentOf(stack))?.forwardTo(Number(address.split(':').at(-1)));
  }

  const taskDefinition: Provider = {
    attribute({ resource }, attribute, current) {
      if (attribute !== undefined && attribute !== 'TaskDefinitionArn') return undefined;
      if (current && isDeepStrictEqual(current.resource.Properties, resource.Properties))
        return current.physicalId;
      const family = String(resource.Properties['Family']);
      const revisions = [...definitions.values()].filter(({ Family }) => Family === family).length;
      return `${ARN}:task-definition/${family}:${revisions + 1}`;
    },
    async provide({ physicalId, resource }) {
      definitions.set(physicalId, resource.Properties as unknown as TaskDefinition);
    },
  };

  const service: Provider = {
    provide: (deployed) => deploy(deployed),
    async remove({ physicalId, stack }) {
      const found = services.get(physicalId);
      if (found) await docker(['rm', '--force', found.task.container]);
      options.loadBalancer(environmentOf(stack))?.forwardTo(undefined);
      services.delete(physicalId);
    },
  };

  const find = (name: string): ServiceState | undefined =>
    [...services.values()].find(({ serviceName, serviceArn }) => name === serviceName || name === serviceArn);

  const operations = {
    async RunTask(input: { taskDefinition: string; startedBy?: string }) {
      const family = input.taskDefinition.split('/').at(-1)?.split(':')[0] ?? '';
      const task = await start(input.taskDefinition, `family:${family}`, input.startedBy);
      void runToTheEnd(task);
      return { tasks: [task], failures: [] };
    },
    DescribeTasks: (input: { tasks: string[] }) => ({
      tasks: input.tasks.flatMap((arn) => tasks.get(arn) ?? []),
      failures: [],
    }),
    DescribeTaskDefinition(input: { taskDefinition: string }) {
      const definition = definitions.get(input.taskDefinition);
      if (!definition) throw new Fault('ClientException', 'Unable to describe task definition.');
      return {
        taskDefinition: {
          family: definition.Family,
          containerDefinitions: definition.ContainerDefinitions.map(({ Name, LogConfiguration }) => ({
            name: Name,
            logConfiguration: { logDriver: 'awslogs', options: LogConfiguration?.Options },
          })),
        },
      };
    },
    DescribeServices: (input: { services: string[] }) => ({
      services: input.services.flatMap((name) => {
        const found = find(name);
        if (!found) return [];
        const { task, serviceName, serviceArn, desiredCount, events, ...rest } = found;
        const isRunning = task.lastStatus === 'RUNNING';
        return {
          ...rest,
          serviceName,
          serviceArn,
          desiredCount,
          events,
          status: 'ACTIVE',
          runningCount: isRunning ? desiredCount : 0,
          deployments: [{ status: 'PRIMARY', rolloutState: isRunning ? 'COMPLETED' : 'FAILED' }],
        };
      }),
      failures: [],
    }),
    ListTasks: (input: { serviceName?: string; desiredStatus?: string }) => ({
      taskArns: [...tasks.values()]
        .filter(({ group }) => group === `service:${input.serviceName}`)
        .filter(({ lastStatus }) => lastStatus === (input.desiredStatus ?? 'RUNNING'))
        .map(({ taskArn }) => taskArn),
    }),
  };

  return {
    operations,
    providers: { taskDefinition, service },
    service: find,
    /** Every one-off task that was run. */
    runs: (): Task[] => [...tasks.values()].filter(({ group }) => group.startsWith('family:')),
    definition: (arn: string): TaskDefinition | undefined => definitions.get(arn),
  };
}

export type Ecs = ReturnType<typeof createEcs>;

/** `dev` of `stowage-dev-service-api`. */
const environmentOf = (stack: string): string => stack.split('-')[1] ?? '';

/** `stowage-dev` of `stowage-dev-migrate`. */
const clusterOf = (family: string): string => family.split('-').slice(0, 2).join('-');
