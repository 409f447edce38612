/** What tests read of `AWS::ECS::TaskDefinition` and `AWS::ECS::Service`, evaluated. */

export const TASK_DEFINITION = 'AWS::ECS::TaskDefinition';
export const SERVICE = 'AWS::ECS::Service';
export const TARGET_GROUP = 'AWS::ElasticLoadBalancingV2::TargetGroup';

export interface TaskDefinition {
  Family: string;
  NetworkMode: string;
  RequiresCompatibilities: string[];
  Cpu: string;
  Memory: string;
  ExecutionRoleArn: string;
  TaskRoleArn: string;
  RuntimePlatform: { OperatingSystemFamily: string; CpuArchitecture: string };
  Volumes: { Name: string }[];
  ContainerDefinitions: Container[];
}

export interface Container {
  Name: string;
  Image: string;
  Command?: string[];
  Essential?: boolean;
  User: string;
  ReadonlyRootFilesystem?: boolean;
  Privileged?: boolean;
  LinuxParameters: { InitProcessEnabled?: boolean; Capabilities?: { Add?: string[]; Drop?: string[] } };
  PortMappings?: { ContainerPort: number }[];
  MountPoints?: { SourceVolume: string; ContainerPath: string }[];
  DependsOn?: { ContainerName: string; Condition: string }[];
  Environment?: { Name: string; Value: string }[];
  Secrets?: { Name: string; ValueFrom: string }[];
  HealthCheck?: { Command: string[] };
  StopTimeout?: number;
  LogConfiguration: { LogDriver: string; Options: Record<string, string> };
}

export interface Service {
  ServiceName: string;
  Cluster: string;
  TaskDefinition: string;
  LaunchType?: string;
  CapacityProviderStrategy?: { CapacityProvider: string }[];
  DesiredCount?: string;
  AvailabilityZoneRebalancing?: string;
  NetworkConfiguration: {
    AwsvpcConfiguration: { AssignPublicIp?: string; Subnets: string[]; SecurityGroups: string[] };
  };
  LoadBalancers?: {
    ContainerName: string;
    ContainerPort: number;
    TargetGroupArn: string;
    AdvancedConfiguration?: {
      AlternateTargetGroupArn: string;
      ProductionListenerRule: string;
      RoleArn: string;
    };
  }[];
  DeploymentConfiguration: {
    Strategy?: string;
    MinimumHealthyPercent: number;
    MaximumPercent: number;
    DeploymentCircuitBreaker?: { Enable: boolean; Rollback: boolean };
    Alarms?: { Enable: boolean; Rollback: boolean; AlarmNames: string[] };
  };
}

export interface TargetGroup {
  TargetType: string;
  Protocol: string;
  Port: number;
  HealthCheckPath: string;
  HealthCheckIntervalSeconds: number;
  HealthCheckTimeoutSeconds: number;
  TargetGroupAttributes: { Key: string; Value: string }[];
}

/** The one container of a task; ours have no sidecars. */
export function containerOf({ Family, ContainerDefinitions }: TaskDefinition): Container {
  const [container, ...others] = ContainerDefinitions;
  if (!container || others.length > 0) throw new Error(`${Family} has not one container`);
  return container;
}
