import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Layer } from './layers.ts';
import { path } from './path.ts';

/** What a release needs to know of a template. */
export interface Template {
  file: string;
  /** Parameters by name, with their defaults, which are undefined where a value must be given. */
  parameters: ReadonlyMap<string, string | undefined>;
}

/** Reads `infra/<layer>.yml`. */
export function readTemplate(layer: Layer): Template {
  const file = path(`infra/${layer}.yml`);
  // Without an interest in CloudFormation's own tags, such as !Ref.
  const { Parameters = {} } = parse(readFileSync(file, 'utf8'), { logLevel: 'error' }) as {
    Parameters?: Record<string, { Default?: string | number }>;
  };
  const parameters = Object.entries(Parameters).map(
    ([name, { Default }]) => [name, Default === undefined ? undefined : String(Default)] as const,
  );
  return { file, parameters: new Map(parameters) };
}
