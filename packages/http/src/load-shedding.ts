import { performance } from 'node:perf_hooks';
import underPressure from '@fastify/under-pressure';
import fp from 'fastify-plugin';
import { platformProblem } from './errors.ts';

export interface LoadSheddingOptions {
  /** Mean milliseconds of event loop delay in a sample from which on requests are refused. Default 1,000. */
  readonly maxEventLoopDelayMs?: number;
  /** Milliseconds between samples. Default 1,000. */
  readonly sampleIntervalMs?: number;
}

/**
 * Refuses requests at once (503 `overloaded`) while the event loop lags, so that those accepted still end in time. Probes
 * are answered: an instance that is merely busy must not be replaced, which would load the others more. Memory is no
 * criterion: the container's limit is.
 *
 * A start stalls the event loop, and the sample that it falls into says so for as long as the next one takes: an instance
 * that has just begun to listen refuses nobody for that.
 */
export const loadShedding = fp<LoadSheddingOptions>(
  async (app, { maxEventLoopDelayMs = 1_000, sampleIntervalMs = 1_000 }) => {
    let startIsForgottenAt = Infinity;
    app.addHook('onReady', async () => {
      startIsForgottenAt = performance.now() + 2 * sampleIntervalMs;
    });
    await app.register(underPressure, {
      maxEventLoopDelay: maxEventLoopDelayMs,
      sampleInterval: sampleIntervalMs,
      pressureHandler: async (request) => {
        if (performance.now() < startIsForgottenAt) return;
        if (request.routeOptions.config.probe !== true) throw platformProblem('overloaded');
      },
    });
  },
  { name: 'load-shedding', dependencies: ['problems'] },
);
