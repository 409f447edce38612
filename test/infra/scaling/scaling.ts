import type { EvaluatedResource } from '../../support/cloudformation/evaluate.ts';
import type { EvaluatedLayer } from '../../support/cloudformation/environment.ts';
import type { Alarm } from './alarm.ts';
import {
  dimensionsOf,
  type MetricDataQuery,
  type MetricName,
  type MetricQuery,
  plainQuery,
  queryOf,
} from './metric-query.ts';

/** How a service scales. */
export interface Scaling {
  min: number;
  max: number;
  policies: Policy[];
}

export type Policy = TargetTracking | StepScaling;

export interface TargetTracking {
  type: 'target';
  id: string;
  query: MetricQuery;
  target: number;
  scaleOutCooldownMinutes: number;
  scaleInCooldownMinutes: number;
}

export interface StepScaling {
  type: 'step';
  id: string;
  query: MetricQuery;
  alarm: Alarm;
  threshold: number;
  /** Tasks to add when the metric is this far over the threshold. */
  steps: { from: number; below: number; add: number }[];
  cooldownMinutes: number;
}

/** What the predefined metrics are, for the service that a scalable target's `service/cluster/service` names. */
const PREDEFINED: Record<string, (resourceId: string) => MetricName> = {
  ECSServiceAverageCPUUtilization(resourceId) {
    const [, ClusterName = '', ServiceName = ''] = resourceId.split('/');
    const dimensions = { ClusterName, ServiceName };
    return { namespace: 'AWS/ECS', name: 'CPUUtilization', statistic: 'Average', dimensions };
  },
};

const COMPARISONS: Record<string, (point: number, threshold: number) => boolean> = {
  GreaterThanThreshold: (point, threshold) => point > threshold,
  GreaterThanOrEqualToThreshold: (point, threshold) => point >= threshold,
  LessThanThreshold: (point, threshold) => point < threshold,
  LessThanOrEqualToThreshold: (point, threshold) => point <= threshold,
};

/**
 * Reads a service's scaling from its evaluated template.
 *
 * @throws for a kind of scaling that is not known here, and for a step policy that no alarm calls
 */
export function scalingOf({ resources }: EvaluatedLayer): Scaling {
  const ofType = (type: string) => Object.entries(resources).filter(([, { Type }]) => Type === type);
  const [target] = ofType('AWS::ApplicationAutoScaling::ScalableTarget');
  if (!target) throw new Error('the template has no scalable target');
  const { MinCapacity, MaxCapacity, ResourceId } = target[1].Properties;
  return {
    min: Number(MinCapacity),
    max: Number(MaxCapacity),
    policies: ofType('AWS::ApplicationAutoScaling::ScalingPolicy').map(([id, policy]) =>
      policy.Properties['PolicyType'] === 'TargetTrackingScaling'
        ? targetTracking(id, policy, String(ResourceId))
        : stepScaling(
            id,
            policy,
            ofType('AWS::CloudWatch::Alarm').map(([, alarm]) => alarm),
          ),
    ),
  };
}

interface TargetTrackingConfiguration {
  TargetValue: number | string;
  ScaleOutCooldown: number;
  ScaleInCooldown: number;
  PredefinedMetricSpecification?: { PredefinedMetricType: string };
  CustomizedMetricSpecification?: { Metrics: MetricDataQuery[] };
}

function targetTracking(id: string, { Properties }: EvaluatedResource, resourceId: string): TargetTracking {
  const configuration = Properties['TargetTrackingScalingPolicyConfiguration'] as TargetTrackingConfiguration;
  const { PredefinedMetricSpecification: predefined, CustomizedMetricSpecification: customized } =
    configuration;
  const metric = PREDEFINED[predefined?.PredefinedMetricType ?? '']?.(resourceId);
  if (!metric && !customized) throw new Error(`${id} tracks no metric that is known here`);
  return {
    type: 'target',
    id,
    query: metric ? plainQuery(metric) : queryOf(customized?.Metrics ?? []),
    target: Number(configuration.TargetValue),
    scaleOutCooldownMinutes: configuration.ScaleOutCooldown / 60,
    scaleInCooldownMinutes: configuration.ScaleInCooldown / 60,
  };
}

interface StepConfiguration {
  AdjustmentType: string;
  Cooldown: number;
  StepAdjustments: {
    MetricIntervalLowerBound?: number;
    MetricIntervalUpperBound?: number;
    ScalingAdjustment: number;
  }[];
}

interface AlarmProperties {
  AlarmActions?: string[];
  ComparisonOperator: string;
  Threshold: number;
  EvaluationPeriods: number;
  DatapointsToAlarm?: number;
  TreatMissingData?: Alarm['treatMissingData'];
  Metrics?: MetricDataQuery[];
  Namespace: string;
  MetricName: string;
  Statistic: string;
  Dimensions?: { Name: string; Value: string }[];
}

function stepScaling(id: string, policy: EvaluatedResource, alarms: EvaluatedResource[]): StepScaling {
  const configuration = policy.Properties['StepScalingPolicyConfiguration'] as StepConfiguration;
  if (configuration.AdjustmentType !== 'ChangeInCapacity') {
    throw new Error(`${id} adjusts by ${configuration.AdjustmentType}, which is not known here`);
  }
  const name = String(policy.Properties['PolicyName']);
  const properties = alarms
    .map((alarm) => alarm.Properties as unknown as AlarmProperties)
    .find(({ AlarmActions = [] }) => AlarmActions.some((arn) => arn.endsWith(`policyName/${name}`)));
  const compare = COMPARISONS[properties?.ComparisonOperator ?? ''];
  if (!properties || !compare) throw new Error(`no alarm that is known here calls ${id}`);
  const { Threshold, EvaluationPeriods, DatapointsToAlarm = EvaluationPeriods } = properties;
  return {
    type: 'step',
    id,
    query: properties.Metrics
      ? queryOf(properties.Metrics)
      : plainQuery({
          namespace: properties.Namespace,
          name: properties.MetricName,
          statistic: properties.Statistic,
          dimensions: dimensionsOf(properties.Dimensions),
        }),
    alarm: {
      isBreaching: (point) => compare(point, Threshold),
      evaluationPeriods: EvaluationPeriods,
      datapointsToAlarm: DatapointsToAlarm,
      treatMissingData: properties.TreatMissingData ?? 'missing',
    },
    threshold: Threshold,
    steps: configuration.StepAdjustments.map((step) => ({
      from: step.MetricIntervalLowerBound ?? -Infinity,
      below: step.MetricIntervalUpperBound ?? Infinity,
      add: step.ScalingAdjustment,
    })),
    cooldownMinutes: configuration.Cooldown / 60,
  };
}
