import { expect, test } from 'vitest';
import { ENVIRONMENTS } from '../../scripts/deploy/layers.ts';
import { environmentFile } from '../support/cloudformation/environment.ts';
import { evaluate } from '../support/cloudformation/evaluate.ts';
import { AS_FILED, COMBINATIONS, PIPELINE, type Scenario, VARIANTS } from './scenarios.ts';
import { stacksOf } from './stacks.ts';
import { TEMPLATES } from './templates.ts';

/** What is wrong with a scenario, if anything. */
function problemOf(scenario: Scenario): string[] {
  try {
    stacksOf(scenario);
    return [];
  } catch (error) {
    return [`${scenario.name}: ${(error as Error).message}`];
  }
}

test.each(AS_FILED)('$name can be deployed as it is filed', (scenario) => {
  expect(problemOf(scenario)).toEqual([]);
});

test('every combination of switches can be deployed', () => {
  expect([...COMBINATIONS, ...VARIANTS].flatMap(problemOf)).toEqual([]);
});

test.each([
  ['nothing', {}],
  ['everything', PIPELINE],
])('the pipeline’s stack can be deployed with %s', (_, parameters) => {
  const template = TEMPLATES.find(({ name }) => name === 'pipeline')?.template;
  expect(() => evaluate(template ?? { Resources: {} }, { parameters })).not.toThrow();
});

test('OIDC without an issuer is refused before anything is changed', () => {
  const scenario: Scenario = {
    name: '',
    environment: 'staging',
    overrides: { AuthMode: 'oidc', AuthIssuer: '' },
  };
  expect(problemOf(scenario).join()).toMatch(/service-api.*AuthIssuer/);
});

test('production is filed as one that may lose nothing', () => {
  const { Parameters: production } = environmentFile('production');
  expect(production).toMatchObject({
    DeletionProtection: 'true',
    DatabaseMultiAz: 'true',
    NatMode: 'per-az',
    AuthMode: 'oidc',
    ExecuteCommand: 'false',
    FlowLogs: 'true',
    AccessLogs: 'true',
  });
  expect(Number(production['ApiMinTasks'])).toBeGreaterThanOrEqual(2);
  expect(Number(production['DatabaseBackupDays'])).toBeGreaterThanOrEqual(7);
  expect(Number(production['DatabaseRotationDays'])).toBeGreaterThan(0);
});

test('environments can be peered: their addresses do not overlap', () => {
  const blocks = ENVIRONMENTS.map((environment) => environmentFile(environment).Parameters['VpcCidr']);
  expect(new Set(blocks).size).toBe(ENVIRONMENTS.length);
});
