import type { Published, Service } from './simulate.ts';

export const CPU = 'AWS/ECS CPUUtilization Average';
export const requestsKey = (targetGroup: string) =>
  `AWS/ApplicationELB RequestCountPerTarget Sum ${targetGroup}`;

/**
 * An api behind its load balancer.
 *
 * @param options.requests how many come in a minute, of all tasks together
 * @param options.perTask how many of them a task can answer in a minute, which is 100 % of its CPU
 * @param options.targetGroups names of target groups, of which the first has the tasks
 * @param options.unknown whether CloudWatch has nothing of a minute
 */
export function requests(options: {
  requests: (minute: number) => number;
  perTask: number;
  targetGroups: string[];
  unknown?: (minute: number) => boolean;
}): Service {
  const { perTask, targetGroups, unknown = () => false } = options;
  return {
    minute(minute, running): Published {
      const perTarget = options.requests(minute) / running;
      return {
        [CPU]: unknown(minute) ? undefined : Math.min(100, 1 + (99 * perTarget) / perTask),
        // "Elastic Load Balancing reports metrics to CloudWatch only when requests are flowing"
        // https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
        ...Object.fromEntries(
          targetGroups.map((name, index) => {
            const reported = !unknown(minute) && perTarget > 0 && index === 0;
            return [requestsKey(name), reported ? perTarget : undefined];
          }),
        ),
      };
    },
  };
}
