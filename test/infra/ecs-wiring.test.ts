import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  type Container,
  containerOf,
  type Service,
  SERVICE,
  type TargetGroup,
  TARGET_GROUP,
  type TaskDefinition,
  TASK_DEFINITION,
} from './ecs.ts';
import { allStacks, type Found, resourcesIn, type Stack } from './stacks.ts';

const stacks = allStacks();
const definitions = resourcesIn<TaskDefinition>(stacks, TASK_DEFINITION);
const services = resourcesIn<Service>(stacks, SERVICE);
const targetGroups = resourcesIn<TargetGroup>(stacks, TARGET_GROUP);

const containers = definitions.flatMap(({ where, properties }) =>
  properties.ContainerDefinitions.map((container) => ({ where, properties, container })),
);

/** What of a list is not as it should be. */
function wrong<T extends { where: string }>(found: readonly T[], isRight: (item: T) => boolean): string[] {
  return found.filter((item) => !isRight(item)).map(({ where }) => where);
}

/** The resource of the same stack that a `Ref` leads to. */
function sameStack<P>(all: readonly Found<P>[], stack: Stack, ref: string): Found<P> | undefined {
  return all.find((found) => found.stack === stack && found.ref === ref);
}

test('there are the services and tasks that this is about', () => {
  expect(new Set(services.map(({ id }) => id)).size).toBe(2);
  expect(new Set(definitions.map(({ id }) => id)).size).toBe(3);
  expect(targetGroups.length).toBeGreaterThan(0);
});

test('a service runs a task definition of its own stack', () => {
  expect(
    wrong(
      services,
      ({ stack, properties }) => sameStack(definitions, stack, properties.TaskDefinition) !== undefined,
    ),
  ).toEqual([]);
});

test('a service sends traffic to a container and a port that its tasks have', () => {
  const unknown = services.flatMap(({ where, stack, properties }) =>
    (properties.LoadBalancers ?? [])
      .filter(({ ContainerName, ContainerPort }) => {
        const task = sameStack(definitions, stack, properties.TaskDefinition)?.properties;
        const container = task?.ContainerDefinitions.find(({ Name }) => Name === ContainerName);
        return !container?.PortMappings?.some((mapping) => mapping.ContainerPort === ContainerPort);
      })
      .map(({ ContainerName, ContainerPort }) => `${where} ${ContainerName}:${ContainerPort}`),
  );
  expect(unknown).toEqual([]);
});

test('a service registers its tasks in target groups of its own stack, by address and on the port they listen on', () => {
  const unfit = services.flatMap(({ where, stack, properties }) =>
    (properties.LoadBalancers ?? []).flatMap((target) => {
      const arns = [target.TargetGroupArn, target.AdvancedConfiguration?.AlternateTargetGroupArn];
      return arns
        .filter((arn) => arn !== undefined)
        .filter((arn) => {
          const group = sameStack(targetGroups, stack, arn)?.properties;
          // With awsvpc a task has an address of its own, which is no instance's.
          return (
            group?.TargetType !== 'ip' || group.Port !== target.ContainerPort || group.Protocol !== 'HTTP'
          );
        })
        .map((arn) => `${where} ${arn}`);
    }),
  );
  expect(unfit).toEqual([]);
});

test('a listener leads to every target group before the service is made, as ECS demands', () => {
  interface Rule {
    Actions: { ForwardConfig: { TargetGroups: { TargetGroupArn: string }[] } }[];
  }
  const rules = resourcesIn<Rule>(stacks, 'AWS::ElasticLoadBalancingV2::ListenerRule');
  const notLed = services.flatMap(({ where, stack, resource, properties }) => {
    const waitedFor = rules.filter((rule) => rule.stack === stack && resource.DependsOn.includes(rule.id));
    const led = new Set(
      waitedFor.flatMap((rule) =>
        rule.properties.Actions.flatMap(({ ForwardConfig }) =>
          ForwardConfig.TargetGroups.map(({ TargetGroupArn }) => TargetGroupArn),
        ),
      ),
    );
    return (properties.LoadBalancers ?? [])
      .flatMap(({ TargetGroupArn, AdvancedConfiguration }) => [
        TargetGroupArn,
        AdvancedConfiguration?.AlternateTargetGroupArn ?? TargetGroupArn,
      ])
      .filter((arn) => !led.has(arn))
      .map((arn) => `${where} ${arn}`);
  });
  expect(notLed).toEqual([]);
});

test('traffic is shifted by ECS exactly where the deployment strategy shifts it', () => {
  expect(
    wrong(services, ({ properties }) => {
      const { Strategy = 'ROLLING' } = properties.DeploymentConfiguration;
      const shifting = (properties.LoadBalancers ?? []).filter(
        ({ AdvancedConfiguration }) => AdvancedConfiguration !== undefined,
      );
      return (Strategy === 'ROLLING') === (shifting.length === 0);
    }),
  ).toEqual([]);
});

test('a deployment that fails is rolled back, by tasks that do not start or by alarms', () => {
  expect(
    wrong(services, ({ properties }) => {
      const { Strategy = 'ROLLING', DeploymentCircuitBreaker, Alarms } = properties.DeploymentConfiguration;
      // Only rolling deployments have the circuit breaker.
      const breaks = DeploymentCircuitBreaker?.Enable === true && DeploymentCircuitBreaker.Rollback;
      const rings = Alarms?.Enable === true && Alarms.Rollback && Alarms.AlarmNames.length > 0;
      return Strategy === 'ROLLING' ? breaks : rings;
    }),
  ).toEqual([]);
});

test('the alarms that roll back are alarms of the same stack', () => {
  const alarms = resourcesIn(stacks, 'AWS::CloudWatch::Alarm');
  const unknown = services.flatMap(({ where, stack, properties }) =>
    (properties.DeploymentConfiguration.Alarms?.AlarmNames ?? [])
      .filter((name) => !sameStack(alarms, stack, name))
      .map((name) => `${where} ${name}`),
  );
  expect(unknown).toEqual([]);
});

test('a deployment never takes a task away before its successor serves, and zones are kept in balance', () => {
  expect(
    wrong(services, ({ properties }) => {
      const { MinimumHealthyPercent, MaximumPercent } = properties.DeploymentConfiguration;
      // Rebalancing starts the new task first, so there must be room for it.
      return (
        MinimumHealthyPercent === 100 &&
        MaximumPercent > 100 &&
        properties.AvailabilityZoneRebalancing === 'ENABLED'
      );
    }),
  ).toEqual([]);
});

test('tasks have network interfaces of their own, in private subnets and without public addresses', () => {
  expect(wrong(definitions, ({ properties }) => properties.NetworkMode === 'awsvpc')).toEqual([]);
  expect(
    wrong(services, ({ stack, properties }) => {
      const { AssignPublicIp, Subnets, SecurityGroups } = properties.NetworkConfiguration.AwsvpcConfiguration;
      const isPrivate = Subnets === stack.parameters['PrivateSubnetIds'];
      return AssignPublicIp === 'DISABLED' && isPrivate && SecurityGroups.length === 1;
    }),
  ).toEqual([]);
});

test('a service runs on capacity that its cluster has and its tasks are compatible with', () => {
  const associations = resourcesIn<{ CapacityProviders: string[] }>(
    stacks,
    'AWS::ECS::ClusterCapacityProviderAssociations',
  );
  expect(
    wrong(services, ({ stack, properties }) => {
      const cluster = associations.find((association) => association.stack.scenario === stack.scenario);
      const used = (properties.CapacityProviderStrategy ?? []).map(
        ({ CapacityProvider }) => CapacityProvider,
      );
      const task = sameStack(definitions, stack, properties.TaskDefinition)?.properties;
      const needed = used.every((name) => name.startsWith('FARGATE')) ? 'FARGATE' : 'EC2';
      return (
        used.length > 0 &&
        properties.LaunchType === undefined &&
        used.every((name) => cluster?.properties.CapacityProviders.includes(name)) &&
        task?.RequiresCompatibilities.join() === needed
      );
    }),
  ).toEqual([]);
});

test('what runs is what the images are built for', () => {
  expect(
    wrong(definitions, ({ stack, properties }) => {
      const { OperatingSystemFamily, CpuArchitecture } = properties.RuntimePlatform;
      return OperatingSystemFamily === 'LINUX' && CpuArchitecture === stack.parameters['Architecture'];
    }),
  ).toEqual([]);
});

test('every mount point has its volume and every volume is mounted', () => {
  expect(
    wrong(containers, ({ properties, container }) => {
      const mounted = (container.MountPoints ?? []).map(({ SourceVolume }) => SourceVolume);
      return (
        mounted.toSorted().join() ===
        properties.Volumes.map(({ Name }) => Name)
          .toSorted()
          .join()
      );
    }),
  ).toEqual([]);
});

test('a container may write nothing but /tmp, has no capabilities, is nobody’s root, and reaps its zombies', () => {
  expect(
    wrong(definitions, ({ stack, properties }) => {
      const container = containerOf(properties);
      const { Capabilities, InitProcessEnabled } = container.LinuxParameters;
      // A shell by ECS Exec does not start on a read-only file system.
      const debugged = stack.parameters['ExecuteCommand'] === 'true';
      return (
        container.ReadonlyRootFilesystem === !debugged &&
        container.MountPoints?.map(({ ContainerPath }) => ContainerPath).join() === '/tmp' &&
        Capabilities?.Add === undefined &&
        Capabilities?.Drop?.join() === 'ALL' &&
        container.Privileged !== true &&
        container.User === '1000:1000' &&
        InitProcessEnabled === true
      );
    }),
  ).toEqual([]);
});

test('a container is named after what it runs, in the image that its Dockerfile makes', () => {
  expect(
    wrong(definitions, ({ id, properties }) => {
      const { Name, Image } = containerOf(properties);
      const image = Name === 'worker' ? 'stowage-worker' : 'stowage-api';
      return id.toLowerCase() === `${Name}taskdefinition` && Image.includes(`/${image}@sha256:`);
    }),
  ).toEqual([]);
});

test('commands and health checks run programs that the image has', () => {
  // Every image has these: scripts/bundle.ts makes `bin/<name>.js` of each.
  const bundled = /const programs = \{(.*?)\};/s.exec(readFileSync('scripts/bundle.ts', 'utf8'))?.[1] ?? '';
  const programs = [...bundled.matchAll(/^\s*(\w+):/gm)].map(([, name]) => `bin/${name}.js`);
  expect(programs).toContain('bin/healthcheck.js');
  const has = (command: readonly string[] | undefined): boolean =>
    command === undefined ||
    (command[0] === 'node' && programs.includes(command[1] ?? '') && command.length === 2);
  expect(
    wrong(containers, ({ container }) => {
      const [shape, ...check] = container.HealthCheck?.Command ?? ['CMD', 'node', 'bin/healthcheck.js'];
      return has(container.Command) && shape === 'CMD' && has(check);
    }),
  ).toEqual([]);
});

test('a service’s container is checked for health; a one-off task is not', () => {
  const checked = containers
    .filter(({ container }) => container.HealthCheck)
    .map(({ container }) => container.Name);
  expect(new Set(checked)).toEqual(new Set(['api', 'worker']));
});

test('the load balancer checks a path that the api has', () => {
  const { paths } = JSON.parse(readFileSync('docs/openapi.json', 'utf8')) as {
    paths: Record<string, unknown>;
  };
  expect(wrong(targetGroups, ({ properties }) => properties.HealthCheckPath in paths)).toEqual([]);
});

test('logs go to the group that the platform has for them, and never block the program', () => {
  const groupOf = ({ Name }: Container): string => `${Name[0]?.toUpperCase()}${Name.slice(1)}LogGroupName`;
  expect(
    wrong(definitions, ({ stack, properties }) => {
      const container = containerOf(properties);
      const { LogDriver, Options } = container.LogConfiguration;
      return (
        LogDriver === 'awslogs' &&
        Options['awslogs-group'] === stack.parameters[groupOf(container)] &&
        Options['awslogs-create-group'] === undefined &&
        Options['mode'] === 'non-blocking'
      );
    }),
  ).toEqual([]);
});

test('every task has an execution role and a task role of its own', () => {
  for (const stack of stacks) {
    const roles = resourcesIn<TaskDefinition>([stack], TASK_DEFINITION).flatMap(({ properties }) => [
      properties.ExecutionRoleArn,
      properties.TaskRoleArn,
    ]);
    expect(new Set(roles).size).toBe(roles.length);
  }
});

test('a number of tasks is scaled within limits that belong to the service', () => {
  interface Target {
    ResourceId: string;
    MinCapacity: string;
    MaxCapacity: string;
  }
  const targets = resourcesIn<Target>(stacks, 'AWS::ApplicationAutoScaling::ScalableTarget');
  const unscaled = services.filter(
    ({ stack, properties }) =>
      !targets.some(
        (target) =>
          target.stack === stack &&
          target.properties.ResourceId === `service/${properties.Cluster}/${properties.ServiceName}` &&
          Number(target.properties.MinCapacity) <= Number(target.properties.MaxCapacity),
      ),
  );
  expect(unscaled.map(({ where }) => where)).toEqual([]);
});
