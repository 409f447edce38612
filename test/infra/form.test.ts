import { expect, test } from 'vitest';
import { LAYERS } from '../../scripts/deploy/layers.ts';
import { TEMPLATES } from './templates.ts';

/** Above it CloudFormation takes a template only from a bucket. */
const MAX_BYTES = 51_200;

test('every template is a layer that releases deploy, or the pipeline that runs them', () => {
  const names = TEMPLATES.map(({ name }) => name);
  expect(names).toEqual([...LAYERS, 'pipeline'].toSorted());
});

test('every template can be deployed without a bucket', () => {
  const sizes = TEMPLATES.map(({ name, yaml }) => ({ name, bytes: Buffer.byteLength(yaml) }));
  expect(sizes.filter(({ bytes }) => bytes >= MAX_BYTES)).toEqual([]);
});

test('every template says what it is', () => {
  expect(TEMPLATES.filter(({ template }) => !template.Description).map(({ name }) => name)).toEqual([]);
});

// An export that is used can be neither changed nor removed, and holds both stacks. Layers pass values by name.
test('no template imports or exports a value', () => {
  const coupled = TEMPLATES.filter(
    ({ yaml, template }) =>
      /ImportValue/.test(yaml) || Object.values(template.Outputs ?? {}).some(({ Export }) => Export),
  );
  expect(coupled.map(({ name }) => name)).toEqual([]);
});
