import { performance } from 'node:perf_hooks';
import fp from 'fastify-plugin';
import { Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';
import { answeredStatus } from './answered-status.ts';

export interface MetricsOptions {
  readonly registry: Registry;
}

/** Seconds: from a cached answer to the handler's timeout. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/**
 * `http_request_duration_seconds` by method, route and status, and `http_requests_in_flight`. The route is the pattern,
 * never the URL, which would make a series for every id. An event stream is measured until it starts: how long a client
 * listens is no latency; that it is open shows in the gauge.
 */
export const metrics = fp<MetricsOptions>(
  (app, { registry }, done) => {
    const duration = new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Time from the request to the end of its answer, or to the start of an event stream',
      labelNames: ['method', 'route', 'status'],
      buckets: BUCKETS,
      registers: [registry],
    });
    const inFlight = new Gauge({
      name: 'http_requests_in_flight',
      help: 'Requests being served, open event streams included',
      registers: [registry],
    });

    app.addHook('onRequest', (request, reply, next) => {
      const start = performance.now();
      inFlight.inc();
      // Not onResponse: it does not run when the client leaves early.
      reply.raw.once('close', () => {
        inFlight.dec();
        const labels = {
          method: request.method,
          route: request.routeOptions.url ?? 'unmatched',
          status: answeredStatus(reply.raw),
        };
        duration.observe(labels, ((reply.streamStart ?? performance.now()) - start) / 1000);
      });
      next();
    });
    done();
  },
  { name: 'metrics' },
);
