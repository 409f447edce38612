/** As templates write it; ECS's API has the same names in camel case. */
export interface TaskDefinition {
  Family: string;
  ExecutionRoleArn?: string;
  TaskRoleArn?: string;
  ContainerDefinitions: ContainerDefinition[];
}

export interface ContainerDefinition {
  Name: string;
  Image: string;
  Command?: string[];
  User?: string;
  ReadonlyRootFilesystem?: boolean;
  LinuxParameters?: { InitProcessEnabled?: boolean; Capabilities?: { Drop?: string[] } };
  MountPoints?: { ContainerPath: string }[];
  PortMappings?: { ContainerPort: number }[];
  Environment?: { Name: string; Value: string }[];
  Secrets?: { Name: string; ValueFrom: string }[];
  HealthCheck?: { Command: string[]; Interval?: number };
  LogConfiguration?: { Options: Record<string, string> };
}

/**
 * The container that a task definition with one describes, as arguments of `docker run`.
 *
 * @param options.env what ECS adds to every container: where AWS is, and who it is there
 * @param options.secret the value that an ARN stands for
 */
export function dockerArguments(
  container: ContainerDefinition,
  options: { env: Record<string, string>; secret: (arn: string) => string },
): string[] {
  const env = {
    ...options.env,
    ...Object.fromEntries((container.Environment ?? []).map(({ Name, Value }) => [Name, Value])),
    ...Object.fromEntries(
      (container.Secrets ?? []).map(({ Name, ValueFrom }) => [Name, options.secret(ValueFrom)]),
    ),
  };
  const { LinuxParameters = {}, HealthCheck } = container;
  return [
    ...Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
    ...(container.User === undefined ? [] : ['--user', container.User]),
    ...(container.ReadonlyRootFilesystem ? ['--read-only'] : []),
    ...(LinuxParameters.InitProcessEnabled ? ['--init'] : []),
    ...(LinuxParameters.Capabilities?.Drop ?? []).flatMap((capability) => ['--cap-drop', capability]),
    ...(container.MountPoints ?? []).flatMap(({ ContainerPath }) => ['--tmpfs', ContainerPath]),
    ...(container.PortMappings ?? []).flatMap(({ ContainerPort }) => [
      '--publish',
      `127.0.0.1::${ContainerPort}`,
    ]),
    // Every second, as a test has no time for the interval of the template.
    ...(HealthCheck
      ? ['--health-cmd', HealthCheck.Command.slice(1).join(' '), '--health-interval', '1s']
      : ['--no-healthcheck']),
    container.Image,
    ...(container.Command ?? []),
  ];
}
