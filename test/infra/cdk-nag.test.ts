import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include';
import { AwsSolutionsChecks } from 'cdk-nag';
import { afterAll, expect, test } from 'vitest';
import { type Layer, LAYERS } from '../../scripts/deploy/layers.ts';
import { evaluateEnvironment, RELEASE } from '../support/cloudformation/environment.ts';
import { evaluate } from '../support/cloudformation/evaluate.ts';
import type { Template } from '../support/cloudformation/template.ts';
import { type Finding, unresolved } from './acknowledgements.ts';
import { withSwitches } from './nag-template.ts';
import { PIPELINE, type Scenario, VARIANTS } from './scenarios.ts';
import { TEMPLATES } from './templates.ts';

const folder = mkdtempSync(join(tmpdir(), 'stowage-nag-'));
afterAll(() => rmSync(folder, { recursive: true }));

type Explained = Finding & { text: string };

/** What the rules of AWS Solutions find in a template, by cdk-nag. */
function findingsIn(name: string, template: Template): Explained[] {
  const templateFile = join(folder, `${name}.json`);
  writeFileSync(templateFile, JSON.stringify(template));
  const app = new App();
  const stack = new Stack(app, name);
  const { node } = new CfnInclude(stack, 'template', { templateFile });
  const { violations } = new AwsSolutionsChecks(app, { verbose: true }).validateScope(stack);
  return violations.flatMap(({ ruleName, description, violatingResources }) =>
    violatingResources.map(({ constructPath = '' }) => {
      const [, rule = ruleName, finding] = /^([^[]+)\[(.*)\]$/s.exec(ruleName) ?? [];
      const resource = constructPath.replace(`${node.path}/`, '');
      const text = description.replace(/(?<=\.) .*/s, '');
      return { rule, template: name, resource, ...(finding === undefined ? {} : { finding }), text };
    }),
  );
}

/** The templates of a scenario, with what its file says decided, and what comes from other layers left open. */
function templatesOf({ environment, overrides }: Scenario): [Layer, Template][] {
  const layers = evaluateEnvironment(environment, overrides);
  return LAYERS.map((layer) => {
    const outputs = LAYERS.filter((other) => other !== layer).flatMap((other) =>
      Object.keys(layers[other].outputs),
    );
    const open = new Set([...outputs, ...Object.keys(RELEASE), 'Environment']);
    return [layer, withSwitches(layers[layer].template, layers[layer], open)];
  });
}

// What makes an environment cheap is its owner's choice: the rules are asked about production.
const inProduction = VARIANTS.filter(({ environment }) => environment === 'production');

/** `pipeline.yml` with everything that it may have. */
function pipeline(): Template {
  const { template } = TEMPLATES.find(({ name }) => name === 'pipeline') ?? {};
  if (!template) throw new Error('there is no infra/pipeline.yml');
  return withSwitches(template, evaluate(template, { parameters: PIPELINE }), new Set(Object.keys(PIPELINE)));
}

test('what cdk-nag finds is mended or acknowledged', () => {
  const findings = [
    ...inProduction.flatMap(templatesOf).flatMap(([layer, template]) => findingsIn(layer, template)),
    ...findingsIn('pipeline', pipeline()),
  ];
  expect(unresolved('AwsSolutions', findings, ({ text }) => text)).toEqual([]);
});
