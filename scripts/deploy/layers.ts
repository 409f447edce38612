/** The layers of an environment in the order of a release: one template and one stack a layer. */
export const LAYERS = [
  'network',
  'storage',
  'database',
  'platform',
  'migrate',
  'service-api',
  'service-worker',
  'observability',
] as const;

/** Name of a layer, of its template `infra/<layer>.yml` and the end of its stack's name. */
export type Layer = (typeof LAYERS)[number];

/** The environments that a release can go to, and `infra/environments/<environment>.json` describes. */
export const ENVIRONMENTS = ['dev', 'staging', 'production'] as const;

/** Name of an environment. */
export type Environment = (typeof ENVIRONMENTS)[number];

/** Layers whose loss would lose data: a change that replaces or removes something here is looked at first. */
export const STATEFUL_LAYERS: readonly Layer[] = ['storage', 'database'];

/** Name of the stack that holds a layer of an environment. */
export const stackName = (environment: Environment, layer: Layer): string =>
  `stowage-${environment}-${layer}`;
