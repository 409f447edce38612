import { expect, test } from 'vitest';
import { ENVIRONMENTS, LAYERS } from '../../scripts/deploy/layers.ts';
import {
  environmentFile,
  layerTemplate,
  parameterNames,
  RELEASE,
} from '../support/cloudformation/environment.ts';

const files = ENVIRONMENTS.map((environment) => {
  const { Parameters } = environmentFile(environment);
  return { environment, Parameters };
});
const release = new Set([...Object.keys(RELEASE), 'Environment']);

const layers = LAYERS.map((layer, i) => ({
  layer,
  parameters: Object.entries(layerTemplate(layer).Parameters ?? {}),
  outputs: Object.keys(layerTemplate(layer).Outputs ?? {}),
  outputsBefore: new Set(
    LAYERS.slice(0, i).flatMap((before) => Object.keys(layerTemplate(before).Outputs ?? {})),
  ),
}));

test('every parameter without a default comes from every environment’s file, a layer before, or the release', () => {
  const unfilled = layers.flatMap(({ layer, parameters, outputsBefore }) =>
    parameters
      .filter(([, { Default }]) => Default === undefined)
      .filter(([name]) => !release.has(name) && !outputsBefore.has(name))
      .filter(([name]) => !files.every(({ Parameters }) => name in Parameters))
      .map(([name]) => `${layer}.yml ${name}`),
  );
  expect(unfilled).toEqual([]);
});

test('what a layer is given by one before has no default, which would hide that it was not given', () => {
  const hidden = layers.flatMap(({ layer, parameters, outputsBefore }) =>
    parameters
      .filter(([name, { Default }]) => Default !== undefined && outputsBefore.has(name))
      .map(([name]) => `${layer}.yml ${name}`),
  );
  expect(hidden).toEqual([]);
});

test('every key of an environment’s file is a parameter of a layer', () => {
  const names = parameterNames();
  const unused = files.flatMap(({ environment, Parameters }) =>
    Object.keys(Parameters)
      .filter((name) => !names.has(name))
      .map((name) => `${environment}.json ${name}`),
  );
  expect(unused).toEqual([]);
});

test('the environments’ files decide the same things', () => {
  const [first, ...others] = files.map(({ Parameters }) => Object.keys(Parameters));
  for (const keys of others) expect(keys).toEqual(first);
});

test('no environment’s file decides what a layer or the release does', () => {
  const outputs = new Set(layers.flatMap((layer) => layer.outputs));
  const decided = files.flatMap(({ environment, Parameters }) =>
    Object.keys(Parameters)
      .filter((name) => outputs.has(name) || release.has(name))
      .map((name) => `${environment}.json ${name}`),
  );
  expect(decided).toEqual([]);
});

test('no two layers have an output of the same name', () => {
  const names = layers.flatMap(({ outputs }) => outputs);
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
});

test('parameters of the same name take the same values in every layer', () => {
  const outputs = new Set(layers.flatMap((layer) => layer.outputs));
  const uses = layers.flatMap(({ layer, parameters }) =>
    parameters.map(([name, declared]) => {
      const { Type, Default, AllowedValues, AllowedPattern, MinValue, MaxValue } = declared;
      const limits = { Type, AllowedValues, AllowedPattern, MinValue, MaxValue };
      return { layer, name, form: JSON.stringify(outputs.has(name) ? limits : { ...limits, Default }) };
    }),
  );
  const different = [...Map.groupBy(uses, ({ name }) => name).values()].filter(
    (same) => new Set(same.map(({ form }) => form)).size > 1,
  );
  expect(different).toEqual([]);
});

test('every output is a parameter of a later layer, or is for people and scripts', () => {
  const FOR_PEOPLE = /Url$|Arn$|Name$|Endpoint$|Id$/;
  const lost = layers.flatMap(({ layer, outputs }, i) => {
    const later = new Set(layers.slice(i + 1).flatMap(({ parameters }) => parameters.map(([name]) => name)));
    return outputs
      .filter((name) => !later.has(name) && !FOR_PEOPLE.test(name))
      .map((name) => `${layer}.yml ${name}`);
  });
  expect(lost).toEqual([]);
});
