import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Environment, type Layer, LAYERS, stackName } from '../../../scripts/deploy/layers.ts';
import { parameterValues, refuseUnknown } from '../../../scripts/deploy/parameters.ts';
import { readTemplate } from '../../../scripts/deploy/template.ts';
import { type Evaluated, evaluate } from './evaluate.ts';
import { loadTemplate, type Template } from './template.ts';

export { type Environment, ENVIRONMENTS, type Layer, LAYERS } from '../../../scripts/deploy/layers.ts';

/** A file of `infra/environments`, in the form that CloudFormation and CodePipeline take. */
export interface EnvironmentFile {
  Parameters: Record<string, string>;
  Tags?: Record<string, string>;
}

export interface EvaluatedLayer extends Evaluated {
  stackName: string;
  template: Template;
}

const REGION = 'us-east-1';
const ACCOUNT = '123456789012';

/** What a release itself knows: an environment's first, so services get their initial tasks. */
export const RELEASE: Readonly<Record<string, string>> = {
  ApiImage: image('stowage-api', 'a'),
  WorkerImage: image('stowage-worker', 'b'),
  Version: '0123456789abcdef0123456789abcdef01234567',
  InitialApiTasks: '3',
  InitialWorkerTasks: '2',
};

/** What the files leave empty and an owner must fill in before a release. */
export const OWNERS: Readonly<Record<string, string>> = {
  AuthIssuer: 'https://issuer.example.com',
  AuthAudience: 'stowage',
};

/**
 * Evaluates the templates of every layer in the order they are deployed, each with the parameters that a release gives
 * it: from its default, the environment's file (with `OWNERS` filled in), the outputs of the layers before, and the
 * release, to which `overrides` are added.
 *
 * @throws as `evaluate`, naming the layer
 */
export function evaluateEnvironment(
  environment: Environment,
  overrides: Readonly<Record<string, string>> = {},
): Record<Layer, EvaluatedLayer> {
  refuseUnknown(overrides, LAYERS.map(readLayer));
  const layers: Partial<Record<Layer, EvaluatedLayer>> = {};
  const outputs: Record<string, string> = {};
  for (const layer of LAYERS) {
    const template = layerTemplate(layer);
    const parameters = parameterValues(layer, readLayer(layer), {
      file: { ...environmentFile(environment).Parameters, ...OWNERS },
      outputs,
      release: { ...RELEASE, Environment: environment, ...overrides },
    });
    try {
      const name = stackName(environment, layer);
      const evaluated = evaluate(template, {
        parameters,
        stackName: name,
        region: REGION,
        accountId: ACCOUNT,
      });
      layers[layer] = { ...evaluated, stackName: name, template };
      Object.assign(outputs, evaluated.outputs);
    } catch (cause) {
      throw new Error(`infra/${layer}.yml in ${environment}: ${(cause as Error).message}`, { cause });
    }
  }
  return layers as Record<Layer, EvaluatedLayer>;
}

const templates = new Map<Layer, Template>();

/** The template of a layer; the same object each time, so not to be changed. */
export function layerTemplate(layer: Layer): Template {
  const loaded = templates.get(layer) ?? loadTemplate(path(`infra/${layer}.yml`));
  templates.set(layer, loaded);
  return loaded;
}

const read = new Map<Layer, ReturnType<typeof readTemplate>>();

/** The template of a layer as a release reads it. */
function readLayer(layer: Layer): ReturnType<typeof readTemplate> {
  const known = read.get(layer) ?? readTemplate(layer);
  read.set(layer, known);
  return known;
}

/** Names of the parameters of all layers. */
export function parameterNames(): Set<string> {
  return new Set(LAYERS.flatMap((layer) => Object.keys(layerTemplate(layer).Parameters ?? {})));
}

export function environmentFile(environment: Environment): EnvironmentFile {
  return JSON.parse(readFileSync(path(`infra/environments/${environment}.json`), 'utf8')) as EnvironmentFile;
}

function image(repository: string, digit: string): string {
  return `${ACCOUNT}.dkr.ecr.${REGION}.amazonaws.com/${repository}@sha256:${digit.repeat(64)}`;
}

function path(name: string): string {
  return fileURLToPath(new URL(`../../../${name}`, import.meta.url));
}
