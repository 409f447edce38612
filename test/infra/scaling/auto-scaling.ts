import { type Alarm, type AlarmState, alarmState, evaluationRange } from './alarm.ts';
import type { EmptyMetrics, Series } from './metric-math.ts';
import type { MetricQuery } from './metric-query.ts';
import type { Policy, Scaling, StepScaling, TargetTracking } from './scaling.ts';

/*
 * A model of Application Auto Scaling, a step a minute. What AWS documents is kept to
 * (https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html and
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-autoscaling-targettracking.html):
 *
 * - out as soon as one policy wants it, to the most that any wants; in only when all target tracking policies want it
 * - rounded up both ways, so that neither too little is added nor too much removed
 * - no data, no action
 * - until a cooldown after scaling out has passed, what is wanted is reckoned from the tasks before it, so that only a
 *   larger wish gets more; it begins when the tasks run, as scaling is complete only then
 * - a cooldown after scaling in keeps from scaling in alone
 *
 * Of the alarms that target tracking makes for itself the documentation says nothing; on ECS they are these:
 */
const HIGH = { evaluationPeriods: 3, datapointsToAlarm: 3 };
const LOW = { evaluationPeriods: 15, datapointsToAlarm: 15 };
const LOW_PART_OF_TARGET = 0.9;

/** Points of the last minutes, the newest last. */
export type History = Record<string, Series>;

export interface AutoScaling {
  /**
   * Looks at the metrics after one more minute.
   *
   * @param running tasks
   * @returns the tasks wanted from now on
   */
  next: (history: History, running: number) => number;
}

/** @param options.tasks to begin with */
export function startAutoScaling(
  scaling: Scaling,
  options: { tasks: number; emptyMetrics: EmptyMetrics },
): AutoScaling {
  const { min, max } = scaling;
  const policies = scaling.policies.map((policy) => watch(policy, options.emptyMetrics));
  let tasks = options.tasks;
  let minute = 0;
  return {
    next(history, running) {
      minute++;
      const now = { history, minute, tasks, running };
      const wishes = policies.map((wish) => wish(now));
      const out = Math.min(max, Math.max(...wishes.map((wish) => wish.out ?? 0)));
      if (out > tasks) {
        for (const wish of wishes) if ((wish.out ?? 0) > tasks) wish.scaledOut?.();
        return (tasks = out);
      }
      const tracking = wishes.filter((wish) => wish.tracks);
      const wants = tracking.map((wish) => wish.in);
      if (tracking.length === 0 || wants.includes(undefined)) return tasks;
      const kept = Math.max(min, ...wants.map((want) => want ?? tasks));
      if (kept < tasks) {
        for (const wish of tracking) wish.scaledIn?.();
        tasks = kept;
      }
      return tasks;
    },
  };
}

/** What a policy wants this minute, and what it has to remember if it gets it. */
interface Wish {
  tracks: boolean;
  out?: number | undefined;
  in?: number | undefined;
  scaledOut?: () => void;
  scaledIn?: () => void;
}

interface Now {
  history: History;
  minute: number;
  /** Wanted until now. */
  tasks: number;
  running: number;
}

type Watch = (now: Now) => Wish;

function watch(policy: Policy, emptyMetrics: EmptyMetrics): Watch {
  return policy.type === 'target' ? watchTarget(policy, emptyMetrics) : watchSteps(policy, emptyMetrics);
}

function watchTarget(policy: TargetTracking, emptyMetrics: EmptyMetrics): Watch {
  const { query, target } = policy;
  const high = watchAlarm(query, emptyMetrics, { ...HIGH, isBreaching: (point) => point > target });
  const low = watchAlarm(query, emptyMetrics, {
    ...LOW,
    isBreaching: (point) => point < target * LOW_PART_OF_TARGET,
  });
  const base = cooldown(policy.scaleOutCooldownMinutes);
  let scaledInAt = -Infinity;
  return (now) => {
    const { history, minute, tasks } = now;
    const [isHigh, isLow] = [high(history), low(history)];
    const wanted = (from: number, point: number) => Math.ceil((from * point) / target);
    const from = base.tasksBefore(now);
    const mayScaleIn = minute - scaledInAt >= policy.scaleInCooldownMinutes;
    return {
      tracks: true,
      out: isHigh && wanted(from, isHigh.point),
      in: isLow && mayScaleIn ? wanted(tasks, isLow.point) : undefined,
      scaledOut: () => base.begin(from),
      scaledIn: () => (scaledInAt = minute),
    };
  };
}

function watchSteps(policy: StepScaling, emptyMetrics: EmptyMetrics): Watch {
  const rings = watchAlarm(policy.query, emptyMetrics, policy.alarm);
  const base = cooldown(policy.cooldownMinutes);
  return (now) => {
    const ringing = rings(now.history);
    const over = ringing && ringing.point - policy.threshold;
    const step = policy.steps.find((one) => over !== undefined && over >= one.from && over < one.below);
    const from = base.tasksBefore(now);
    return { tracks: false, out: step && from + step.add, scaledOut: () => base.begin(from) };
  };
}

function cooldown(minutes: number) {
  let before: number | undefined;
  let completeAt: number | undefined;
  return {
    /** The tasks there were before the cooldown, or there are without one. */
    tasksBefore({ minute, tasks, running }: Now): number {
      if (before !== undefined && running >= tasks) completeAt ??= minute;
      if (completeAt !== undefined && minute - completeAt >= minutes) before = completeAt = undefined;
      return before ?? tasks;
    },
    begin(tasks: number): void {
      before = tasks;
      completeAt = undefined;
    },
  };
}

/** The newest point, as long as the alarm rings. */
function watchAlarm(
  query: MetricQuery,
  emptyMetrics: EmptyMetrics,
  settings: Omit<Alarm, 'treatMissingData'> & Partial<Alarm>,
): (history: History) => { point: number } | undefined {
  const alarm: Alarm = { treatMissingData: 'missing', ...settings };
  const range = evaluationRange(alarm);
  let state: AlarmState = 'INSUFFICIENT_DATA';
  return (history) => {
    const recent = Object.fromEntries(
      Object.entries(history).map(([key, series]) => [key, lastOf(series, range)]),
    );
    const points = query.evaluate(recent, emptyMetrics);
    state = alarmState(alarm, points, state);
    const point = points.findLast((value) => value !== undefined);
    return state === 'ALARM' && point !== undefined ? { point } : undefined;
  };
}

/** As many points as asked for; from before the history there are none. */
function lastOf(series: Series, count: number): Series {
  const none = Array.from({ length: Math.max(0, count - series.length) }, () => undefined);
  return [...none, ...series.slice(-count)];
}
