import { expect, test } from 'vitest';
import { matchesGlob } from './least-privilege/glob.ts';
import { permissions } from './statements.ts';

/** Why an action is allowed on every resource. */
interface Reason {
  actions: RegExp;
  /** The one template where this holds. Default: all. */
  template?: string;
  /** Whether there must be a condition on the region, the cluster or the resource's stack. */
  conditioned?: boolean;
  reason: string;
}

const REASONS: readonly Reason[] = [
  { actions: /^ecr:GetAuthorizationToken$/, reason: 'a token for the registry; it has no resources' },
  { actions: /^ssmmessages:(Create|Open)(Control|Data)Channel$/, reason: 'channels have no names' },
  { actions: /^ecs:DiscoverPollEndpoint$/, reason: 'tells an instance where to ask; it has no resources' },
  { actions: /^elasticloadbalancing:Describe\w+$/, reason: 'describing has no resources' },
  {
    actions: /^cloudformation:(GetTemplateSummary|ValidateTemplate)$/,
    reason: 'a template is judged before there is a stack',
  },
  { actions: /^kms:CreateKey$/, reason: 'a key has no name before it is there' },
  { actions: /^secretsmanager:GetRandomPassword$/, reason: 'it has no resources' },
  { actions: /^logs:\w+LogDelivery$/, reason: 'deliveries have no resources' },
  { actions: /^logs:Describe\w+$/, template: 'pipeline', reason: 'lists groups and policies of the account' },
  {
    actions: /^route53:(Get|List)\w+$/,
    template: 'pipeline',
    reason: 'reading; which zone, the owner says later',
  },
  {
    actions: /^ecs:ListTasks$/,
    template: 'pipeline',
    conditioned: true,
    reason: 'its resource is an instance; the cluster bounds it',
  },
  {
    actions: /^ecs:De(registerTaskDefinition|scribe\w+)$/,
    template: 'pipeline',
    reason: 'definitions and clusters are named after they are there',
  },
  {
    actions:
      /^(application-autoscaling|autoscaling|cloudwatch|ec2|elasticloadbalancing|kms|rds):(Describe(\w+|\*)|ListTagsForResource|GetMetricData)$/,
    template: 'pipeline',
    conditioned: true,
    reason: 'reading, most of which has no resources, in this region',
  },
  {
    actions: /^ec2:\w+$/,
    template: 'pipeline',
    conditioned: true,
    reason: 'EC2 names resources by chance: the region or the stack bounds it',
  },
];

const allowed = permissions().filter(({ statement }) => statement.Effect === 'Allow');

test('every resource is meant only where an action knows none, or none that has a name', () => {
  const unreasoned = allowed
    .filter(({ statement }) => statement.Resource.includes('*'))
    .flatMap(({ where, template, statement }) =>
      statement.Action.filter(
        (action) =>
          !REASONS.some(
            ({ actions, template: only = template, conditioned = false }) =>
              only === template &&
              actions.test(action) &&
              (!conditioned || statement.Condition !== undefined),
          ),
      ).map((action) => `${where} ${action}`),
    );
  expect(unreasoned).toEqual([]);
});

test('no role may do everything, or everything of a service', () => {
  const all = allowed.flatMap(({ where, statement }) =>
    statement.Action.filter((action) => /^\*|:\*$/.test(action)).map((action) => `${where} ${action}`),
  );
  expect(all).toEqual([]);
});

test('no statement allows everything but something', () => {
  const negated = allowed.filter(({ statement }) => 'NotAction' in statement || 'NotResource' in statement);
  expect(negated.map(({ where }) => where)).toEqual([]);
});

test('a role is passed only to services that are named, and no role that is not Stowage’s', () => {
  const passes = allowed.filter(({ statement }) =>
    statement.Action.some((action) => matchesGlob(action, 'iam:PassRole')),
  );
  expect(passes.length).toBeGreaterThan(0);
  const loose = passes.filter(({ statement: { Condition = {}, Resource } }) => {
    const { StringEquals = {} } = Condition;
    const passedTo = [StringEquals['iam:PassedToService'] ?? []].flat();
    const isBounded = Resource.every(
      (resource) =>
        typeof resource !== 'string' && /role\/stowage|"Fn::GetAtt"/.test(JSON.stringify(resource)),
    );
    return passedTo.length === 0 || passedTo.includes('*') || !isBounded;
  });
  expect(loose.map(({ where }) => where)).toEqual([]);
});
