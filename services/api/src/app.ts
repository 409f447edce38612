import type { Registry } from 'prom-client';
import {
  auth,
  type AuthOptions,
  createHttpApp,
  drain,
  eventStreams,
  health,
  type HttpApp,
  idempotency,
  type IdempotencyStore,
  loadShedding,
  metrics,
  openapi,
  rateLimit,
  type ReadinessCheck,
  securityHeaders,
} from '@stowage/http';
import type { Logger } from '@stowage/runtime';
import { datasetRoutes } from './datasets/routes.ts';
import type { DatasetService } from './datasets/service.ts';
import { createWatch } from './datasets/watch.ts';
import { problems } from './problems.ts';

export interface AppOptions {
  log: Logger;
  registry: Registry;
  version: string;
  auth: AuthOptions;
  service: DatasetService;
  idempotencyStore: IdempotencyStore;
  checks: Record<'s3' | 'dynamodb' | 'sqs' | 'postgres', ReadinessCheck>;
  isUnavailable: (error: unknown) => boolean;
  requestTimeoutMs: number;
  rateLimitMax: number;
  trustedProxies: number;
  drainDelayMs: number;
  drainMs: number;
}

/** The api: every plugin and route, in the order in which a request meets them. */
export async function buildApp(options: AppOptions): Promise<HttpApp> {
  const { log, registry, version, service } = options;
  const app = createHttpApp({
    logger: log,
    handlerTimeoutMs: options.requestTimeoutMs,
    trustedProxies: options.trustedProxies,
    isUnavailable: options.isUnavailable,
  });

  await app.register(metrics, { registry });
  await app.register(securityHeaders);
  await app.register(drain, { delayMs: options.drainDelayMs, timeoutMs: options.drainMs });
  await app.register(auth, options.auth);
  await app.register(rateLimit, { max: options.rateLimitMax });
  await app.register(loadShedding, {});
  await app.register(idempotency, { store: options.idempotencyStore });
  await app.register(eventStreams, {});
  await app.register(openapi, {
    title: 'Stowage',
    version,
    description: 'Upload a CSV of any size, get it back as a paged JSON API.',
    problems,
    anonymous: options.auth.mode === 'none',
  });

  await app.register(health, { checks: options.checks, degradable: ['postgres'] });
  await app.register(datasetRoutes, { service, watch: createWatch(service.find) });
  return app;
}
