import { startAutoScaling } from './auto-scaling.ts';
import type { EmptyMetrics } from './metric-math.ts';
import type { Scaling } from './scaling.ts';

/** What CloudWatch is told in a minute, by the metrics' keys; undefined where it is told nothing. */
export type Published = Record<string, number | undefined>;

/** A service under load, a step a minute. */
export interface Service {
  /** @param running tasks that ran in this minute */
  minute: (minute: number, running: number) => Published;
}

/** From the decision to a task that works: a Fargate task takes half a minute to a minute and a half. */
const START_MINUTES = 2;

/**
 * Lets a service scale, and returns each change of its tasks as `[minute, tasks]`, the tasks to begin with first.
 *
 * @param options.late metrics whose newest point is not there yet when they are looked at
 */
export function simulate(
  scaling: Scaling,
  service: Service,
  options: { minutes: number; tasks: number; emptyMetrics: EmptyMetrics; late?: string[] },
): [minute: number, tasks: number][] {
  const { minutes, tasks, emptyMetrics, late = [] } = options;
  const autoScaling = startAutoScaling(scaling, { tasks, emptyMetrics });
  const wanted = [tasks];
  const history: Record<string, (number | undefined)[]> = {};
  const changes: [number, number][] = [[0, tasks]];
  for (let minute = 1; minute <= minutes; minute++) {
    // A task that is added starts first, one that is taken away is gone at once.
    const running = Math.min(...wanted.slice(-1 - START_MINUTES));
    for (const [key, point] of Object.entries(service.minute(minute, running))) {
      (history[key] ??= []).push(point);
    }
    const seen = Object.entries(history).map(([key, series]) => [
      key,
      late.includes(key) ? [...series.slice(0, -1), undefined] : series,
    ]);
    const next = autoScaling.next(Object.fromEntries(seen), running);
    if (next !== wanted.at(-1)) changes.push([minute, next]);
    wanted.push(next);
  }
  return changes;
}
