import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

export type { Registry };

/** A registry of its own for one process, with Node's default metrics and `build_info`. */
export function createMetrics(service: string, version: string): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'build_info',
    help: 'What runs here; always 1.',
    labelNames: ['service', 'version'],
    registers: [registry],
  }).set({ service, version }, 1);
  return registry;
}
