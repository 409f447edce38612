import { setTimeout as delay } from 'node:timers/promises';
import closeWithGrace from 'close-with-grace';
import type { Registry } from 'prom-client';
import { createLogger, type Logger } from './logger.ts';
import { createMetrics } from './metrics.ts';

/** What a process is given to start with. */
export interface ProcessContext<Config> {
  config: Config;
  log: Logger;
  registry: Registry;
  /** Registers what must be stopped; call it right after the thing was started. */
  onStop: (name: string, stop: () => unknown) => void;
  /** For a task that ends by itself: stops everything and exits 0. */
  finish: () => void;
}

/** Problems that a person can mend: the message says all, and a stack would only hide it. */
const EXPLAINED = new Set(['ConfigError', 'PortError', 'SecretError']);

/**
 * Runs a process of the application: reads its configuration, starts its parts in order, and stops them in reverse on
 * SIGTERM, SIGINT or a fatal error. Exit status 0 after `finish`, or a signal once all was started, and a clean stop;
 * else 1, so that a task that was cut short never looks done.
 *
 * @param options.stopDeadlineMs how long stopping may take in all, in milliseconds; must be shorter than the task
 *   definition's stop timeout, after which ECS kills
 * @param options.start starts everything; what it has registered is stopped even if a later step of it fails
 */
export async function startProcess<Config extends { LOG_LEVEL: string; VERSION: string }>(options: {
  service: string;
  readConfig: () => Config;
  stopDeadlineMs: (config: Config) => number;
  start: (context: ProcessContext<Config>) => Promise<void>;
}): Promise<void> {
  const { service, readConfig, stopDeadlineMs, start } = options;
  const version = process.env['VERSION'] ?? 'development';
  let log = createLogger({ service, version, level: 'info' });
  const stops = createStops();
  let deadlineMs = 0;
  let started = false;
  try {
    const config = readConfig();
    log = createLogger({ service, version: config.VERSION, level: config.LOG_LEVEL });
    deadlineMs = stopDeadlineMs(config);
    const grace = closeWithGrace(
      { delay: deadlineMs, logger: false, onTimeout: () => log.error('could not stop in time') },
      async ({ err, signal, manual }) => {
        if (err) log.fatal({ err }, 'fatal error');
        else log.info({ signal }, 'stopping');
        const clean = await stops.run(log);
        log.info({ clean }, 'stopped');
        if (!clean || !(started || manual)) throw new Error('not a clean stop'); // exits with status 1
      },
    );
    const registry = createMetrics(service, config.VERSION);
    await start({ config, log, registry, onStop: stops.add, finish: grace.close });
    started = true;
  } catch (error) {
    if (error instanceof Error && EXPLAINED.has(error.name)) log.fatal(error.message);
    else log.fatal({ err: error }, 'could not start');
    await Promise.race([stops.run(log), delay(deadlineMs)]);
    process.exit(1);
  }
}

function createStops() {
  const stack: { name: string; stop: () => unknown }[] = [];
  return {
    add: (name: string, stop: () => unknown) => void stack.push({ name, stop }),
    /** Stops in reverse order. @returns false if anything failed to stop; the rest is stopped all the same */
    async run(log: Logger): Promise<boolean> {
      let clean = true;
      for (let part = stack.pop(); part; part = stack.pop()) {
        const begun = performance.now();
        try {
          const report = await part.stop();
          log.debug({ part: part.name, ms: Math.round(performance.now() - begun), report }, 'part stopped');
        } catch (error) {
          clean = false;
          log.error({ part: part.name, err: error }, 'part failed to stop');
        }
      }
      return clean;
    },
  };
}
