import type { Layer } from './layers.ts';
import type { Template } from './template.ts';

export type Values = Readonly<Record<string, string>>;

/**
 * Gives every parameter that a template declares its value, by its name: from, later wins, the template's default, the
 * environment's file, the outputs of the layers before, and what the release itself knows. All are given each time, as
 * CloudFormation keeps the previous value of a parameter that is left out, so that a removed line would change nothing.
 *
 * @throws for a parameter that nobody has a value for
 */
export function parameterValues(
  layer: Layer,
  { parameters }: Template,
  sources: { file: Values; outputs: Values; release: Values },
): Values {
  const given: Values = { ...sources.file, ...sources.outputs, ...sources.release };
  const values = [...parameters].map(([name, byDefault]) => {
    const value = given[name] ?? byDefault;
    if (value === undefined) {
      throw new Error(
        `infra/${layer}.yml wants ${name}: infra/environments/*.json does not have it, nor is it an output of an earlier layer`,
      );
    }
    return [name, value] as const;
  });
  return Object.fromEntries(values);
}

/** @throws for a name in an environment's file that no template declares, as a misspelt one would do nothing */
export function refuseUnknown(file: Values, templates: readonly Template[]): void {
  const unknown = Object.keys(file).filter(
    (name) => !templates.some(({ parameters }) => parameters.has(name)),
  );
  if (unknown.length > 0) throw new Error(`no template has a parameter ${unknown.join(', ')}`);
}
