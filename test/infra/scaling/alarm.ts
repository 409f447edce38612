import type { Series } from './metric-math.ts';

export type AlarmState = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';

/** A CloudWatch alarm on points of one minute. */
export interface Alarm {
  isBreaching: (point: number) => boolean;
  /** How many of the last `evaluationPeriods` points must breach. */
  datapointsToAlarm: number;
  evaluationPeriods: number;
  treatMissingData: 'missing' | 'ignore' | 'breaching' | 'notBreaching';
}

/** How many points CloudWatch looks at: more than it evaluates, five for three in the examples of its manual. */
export function evaluationRange({ evaluationPeriods }: Pick<Alarm, 'evaluationPeriods'>): number {
  return evaluationPeriods + 2;
}

/**
 * The state of an alarm.
 *
 * @param points the last points, as many as `evaluationRange` says
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
 */
export function alarmState(alarm: Alarm, points: Series, before: AlarmState): AlarmState {
  const { isBreaching, datapointsToAlarm, evaluationPeriods, treatMissingData } = alarm;
  const present = points.filter((point) => point !== undefined).slice(-evaluationPeriods);
  const breaching = present.filter(isBreaching).length;
  const missing = evaluationPeriods - present.length;
  if (breaching >= datapointsToAlarm) return 'ALARM';
  // Enough points, or one that tells: what is missing is filled as seldom as possible.
  if (missing === 0) return 'OK';
  if (treatMissingData === 'breaching') return breaching + missing >= datapointsToAlarm ? 'ALARM' : 'OK';
  if (treatMissingData === 'notBreaching' || breaching < present.length) return 'OK';
  if (treatMissingData === 'ignore') return before;
  // None but breaching points, too few: they alarm once the oldest is old enough to have been followed by the others.
  const oldest = points.findIndex((point) => point !== undefined);
  return oldest >= 0 && points.length - oldest >= datapointsToAlarm ? 'ALARM' : 'INSUFFICIENT_DATA';
}
