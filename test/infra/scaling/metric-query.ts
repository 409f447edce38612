import { type EmptyMetrics, parseMetricMath, type Series } from './metric-math.ts';

/** A metric as templates name it. */
export interface MetricName {
  namespace: string;
  name: string;
  statistic: string;
  dimensions: Record<string, string>;
}

/** What a scaling policy or an alarm watches. */
export interface MetricQuery {
  metrics: MetricName[];
  /** Works it out from the metrics' points, by `keyOf`. */
  evaluate: (points: Record<string, Series>, emptyMetrics: EmptyMetrics) => Series;
}

/** How histories name a metric: there is one resource of a kind, except for target groups. */
export function keyOf({ namespace, name, statistic, dimensions }: MetricName): string {
  return [namespace, name, statistic, dimensions['TargetGroup']].filter(Boolean).join(' ');
}

function pointsOf(metric: MetricName, points: Record<string, Series>): Series {
  const series = points[keyOf(metric)];
  if (!series) throw new ReferenceError(`the history does not have the metric ${keyOf(metric)}`);
  return series;
}

interface Metric {
  Namespace: string;
  MetricName: string;
  Dimensions?: { Name: string; Value: string }[];
}

/** An entry of the `Metrics` that target tracking policies and alarms have. */
export interface MetricDataQuery {
  Id: string;
  Expression?: string;
  MetricStat?: { Metric: Metric; Stat: string; Period?: number | string };
  ReturnData?: boolean | string;
}

/** @throws unless exactly one of the queries returns data, and only metrics of one minute are asked for */
export function queryOf(queries: MetricDataQuery[]): MetricQuery {
  const returned = queries.filter(({ ReturnData = true }) => String(ReturnData) === 'true');
  const [result] = returned;
  if (!result || returned.length > 1) throw new Error(`${returned.length} queries return data: one must`);
  const metrics = queries.flatMap(({ MetricStat }) => (MetricStat ? [nameOf(MetricStat)] : []));
  const expressions = new Map(
    queries.flatMap(({ Id, Expression }) => (Expression ? [[Id, parseMetricMath(Expression)] as const] : [])),
  );

  return {
    metrics,
    evaluate(points, emptyMetrics) {
      const values: Record<string, Series> = {};
      for (const { Id, MetricStat } of queries) {
        if (MetricStat) values[Id] = pointsOf(nameOf(MetricStat), points);
      }
      // Each may use those that stand before it.
      for (const [id, evaluate] of expressions) values[id] = evaluate(values, emptyMetrics);
      return values[result.Id] ?? [];
    },
  };
}

/** A metric by itself. */
export function plainQuery(metric: MetricName): MetricQuery {
  return { metrics: [metric], evaluate: (points) => pointsOf(metric, points) };
}

function nameOf({ Metric, Stat, Period = 60 }: NonNullable<MetricDataQuery['MetricStat']>): MetricName {
  if (Number(Period) !== 60) throw new Error(`${Metric.MetricName} is asked for every ${Period} s, not 60`);
  return {
    namespace: Metric.Namespace,
    name: Metric.MetricName,
    statistic: Stat,
    dimensions: dimensionsOf(Metric.Dimensions),
  };
}

export function dimensionsOf(dimensions: Metric['Dimensions'] = []): Record<string, string> {
  return Object.fromEntries(dimensions.map(({ Name, Value }) => [Name, Value]));
}
