import { App, Stack } from 'aws-cdk-lib';
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include';
import { AwsSolutionsChecks } from 'cdk-nag';
import { expect, test } from 'vitest';
import { type Finding, unresolved } from './acknowledgements.ts';
import { TEMPLATES } from './templates.ts';

/** What the rules of AWS Solutions find in a template, by cdk-nag. */
function findingsIn(template: string, file: string): (Finding & { text: string })[] {
  const app = new App();
  const stack = new Stack(app, template);
  const { node } = new CfnInclude(stack, 'template', { templateFile: file });
  const { violations } = new AwsSolutionsChecks(app, { verbose: true }).validateScope(stack);
  return violations.flatMap(({ ruleName, description, violatingResources }) =>
    violatingResources.map(({ constructPath = '' }) => {
      const [, rule = ruleName, finding] = /^([^[]+)\[(.*)\]$/s.exec(ruleName) ?? [];
      const resource = constructPath.replace(`${node.path}/`, '');
      return { rule, template, resource, ...(finding === undefined ? {} : { finding }), text: description };
    }),
  );
}

test('what cdk-nag finds is mended or acknowledged', () => {
  const findings = TEMPLATES.flatMap(({ name, file }) => findingsIn(name, file));
  expect(unresolved('AwsSolutions', findings, ({ text }) => text)).toEqual([]);
});
