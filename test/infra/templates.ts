import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseTemplate, type ResourceDeclaration } from '../support/cloudformation/template.ts';

const folder = fileURLToPath(new URL('../../infra', import.meta.url));

/** Every template of `infra/`, as it is written. */
export const TEMPLATES = globSync('*.yml', { cwd: folder })
  .toSorted()
  .map((file) => {
    const path = `${folder}/${file}`;
    const yaml = readFileSync(path, 'utf8');
    return { name: basename(file, '.yml'), file: path, yaml, template: parseTemplate(yaml) };
  });

/** Every resource of every template that has one of the types; all resources without a type. */
export function resources(
  ...types: string[]
): { where: string; template: string; id: string; resource: ResourceDeclaration }[] {
  return TEMPLATES.flatMap(({ name, template }) =>
    Object.entries(template.Resources)
      .filter(([, { Type }]) => types.length === 0 || types.includes(Type))
      .map(([id, resource]) => ({ where: `${name}.yml ${id}`, template: name, id, resource })),
  );
}
