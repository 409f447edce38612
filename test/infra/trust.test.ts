import { expect, test } from 'vitest';
import { type Placed, resourcePolicies, trusts } from './statements.ts';

/** Services that act for many accounts and say for which one, so that they can be held to ours. */
const CONDITIONED = new Set([
  'cloudformation.amazonaws.com',
  'cloudwatch.amazonaws.com',
  'codebuild.amazonaws.com',
  'codepipeline.amazonaws.com',
  'ecs-tasks.amazonaws.com',
  'vpc-flow-logs.amazonaws.com',
]);

/** Services for which AWS documents no such condition, and what holds them to ours instead. */
const UNCONDITIONED: Record<string, string> = {
  'ec2.amazonaws.com': 'an instance takes the role that its profile has, and only ours pass it',
  'ecs.amazonaws.com': 'only who may pass the role to a service can have it used',
  'logdelivery.elasticloadbalancing.amazonaws.com': 'it writes below the account that owns the load balancer',
};

const ACCOUNT = JSON.stringify({ Ref: 'AWS::AccountId' });

const services = ({ statement }: Placed): string[] =>
  [statement.Principal?.['Service'] ?? []].flat() as string[];

/** Whether a statement holds for this account alone, and for one kind of resource in it. */
function isOurs({ Condition = {} }: Placed['statement']): boolean {
  const entries = Object.entries(Condition);
  const account = entries.some(
    ([operator, keys]) =>
      /^StringEquals(IfExists)?$/.test(operator) && JSON.stringify(keys['aws:SourceAccount']) === ACCOUNT,
  );
  const source = entries.some(
    ([operator, keys]) =>
      /^Arn(Like|Equals)(IfExists)?$/.test(operator) &&
      JSON.stringify(keys['aws:SourceArn'] ?? '').includes('${AWS::AccountId}:'),
  );
  return account && source;
}

const trusted = [...trusts(), ...resourcePolicies()].filter(({ statement }) => statement.Effect === 'Allow');

test('a service uses what is ours for us alone, and nobody can have it used by confusing the service', () => {
  const confusable = trusted.filter(
    (placed) => services(placed).some((service) => CONDITIONED.has(service)) && !isOurs(placed.statement),
  );
  expect(confusable.map((placed) => `${placed.where} ${services(placed).join()}`)).toEqual([]);
});

test('only services are trusted of which it is known how to hold them to this account', () => {
  const unknown = trusted.flatMap((placed) =>
    services(placed)
      .filter((service) => !CONDITIONED.has(service) && !(service in UNCONDITIONED))
      .map((service) => `${placed.where} ${service}`),
  );
  expect(unknown).toEqual([]);
});

test('nobody else is trusted than services, and the account itself with its key', () => {
  const others = trusted.filter(({ statement }) => {
    const { Service: _service, ...principals } = statement.Principal ?? {};
    return Object.entries(principals).some(
      ([kind, value]) => kind !== 'AWS' || !JSON.stringify(value).includes(':root'),
    );
  });
  expect(others.map(({ where }) => where)).toEqual([]);
  expect(trusted.filter(({ statement }) => JSON.stringify(statement.Principal).includes('*'))).toEqual([]);
});

test('every exception is needed', () => {
  const used = new Set(trusted.flatMap(services));
  expect(Object.keys(UNCONDITIONED).filter((service) => !used.has(service))).toEqual([]);
});
