import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ENVIRONMENTS } from '../../scripts/deploy/layers.ts';
import { containerOf, type TaskDefinition, TASK_DEFINITION } from './ecs.ts';
import { allStacks, resourcesIn } from './stacks.ts';
import { resources, TEMPLATES } from './templates.ts';

/** What a template can hold a password or a key by. */
const SECRET_PROPERTY =
  /^(MasterUserPassword|Password|SecretString|AuthToken|OAuthToken|ClientSecret|SecretToken)$/;

/** Names of variables that hold secrets. */
const SECRET_VARIABLE =
  /PASSWORD|TOKEN$|SECRET(?!_ID$)|CREDENTIAL|PRIVATE_KEY|ACCESS_KEY|^DATABASE_(URL|ADMIN|APPLICATION)$/;

/** Keys of AWS and private keys, and addresses with a password in them. */
const SECRET_TEXT = /AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY|:\/\/[^/\s:@]+:[^/\s@$]+@/;

function keysOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => [key].concat(keysOf(item)));
}

test('no resource is given a secret', () => {
  const given = resources().flatMap(({ where, resource }) =>
    keysOf(resource.Properties)
      .filter((key) => SECRET_PROPERTY.test(key))
      .map((key) => `${where} ${key}`),
  );
  expect(given).toEqual([]);
});

test('no template and no environment’s file has a secret in it', () => {
  const files = [
    ...TEMPLATES.map(({ name, yaml }) => ({ name, text: yaml })),
    ...ENVIRONMENTS.map((name) => ({ name, text: readFileSync(`infra/environments/${name}.json`, 'utf8') })),
    { name: 'buildspec', text: readFileSync('buildspec.yml', 'utf8') },
  ];
  expect(files.filter(({ text }) => SECRET_TEXT.test(text)).map(({ name }) => name)).toEqual([]);
});

test('no parameter is a secret: whoever deploys would have to know it, and a default would tell everybody', () => {
  const secrets = TEMPLATES.flatMap(({ name, template }) =>
    Object.entries(template.Parameters ?? {})
      .filter(([parameter, { NoEcho }]) => NoEcho || /password|token$|secret$/i.test(parameter))
      .map(([parameter]) => `${name}.yml ${parameter}`),
  );
  expect(secrets).toEqual([]);
});

test('tasks get secrets by reference, never as the value of a variable', () => {
  const plain = resourcesIn<TaskDefinition>(allStacks(), TASK_DEFINITION).flatMap(({ where, properties }) =>
    (containerOf(properties).Environment ?? [])
      .filter(({ Name }) => SECRET_VARIABLE.test(Name))
      .map(({ Name }) => `${where} ${Name}`),
  );
  expect(plain).toEqual([]);
});

// CloudFormation would put the value that it finds into the resource, once, and rotation would never reach it.
test('no template resolves a secret', () => {
  expect(
    TEMPLATES.filter(({ yaml }) => /resolve:(secretsmanager|ssm-secure)/.test(yaml)).map(({ name }) => name),
  ).toEqual([]);
});
