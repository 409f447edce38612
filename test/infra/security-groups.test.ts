import { expect, test } from 'vitest';
import { VARIANTS } from './scenarios.ts';
import { resourcesIn, type Stack, stacksOf } from './stacks.ts';

const GROUP = 'AWS::EC2::SecurityGroup';

interface Rule {
  IpProtocol: string;
  FromPort?: number;
  ToPort?: number;
  CidrIp?: string;
  CidrIpv6?: string;
  SourceSecurityGroupId?: string;
  DestinationSecurityGroupId?: string;
  SourcePrefixListId?: string;
  DestinationPrefixListId?: string;
}

interface Group {
  SecurityGroupIngress?: Rule[];
  SecurityGroupEgress?: Rule[];
}

/** A rule with the logical ids of the groups at its ends; `peer` is a range of addresses where it is no group. */
interface Way {
  from: string;
  to: string;
  ports: string;
}

interface Ways {
  ingress: Way[];
  egress: Way[];
}

/** Groups whose peers are the Internet, and through which port. */
const PUBLIC_INGRESS = new Set(['LoadBalancerSecurityGroup 80', 'LoadBalancerSecurityGroup 443']);

/** A rule that lets nothing through, which stands for no rule at all. */
const NOWHERE = '127.0.0.1/32';

function waysOf(stacks: readonly Stack[]): Ways {
  const groups = resourcesIn<Group>(stacks, GROUP);
  const name = (peer: string | undefined): string =>
    groups.find(({ ref }) => ref === peer)?.id ?? String(peer);
  const ports = ({ IpProtocol, FromPort, ToPort }: Rule): string =>
    IpProtocol === 'tcp' && FromPort === ToPort ? String(FromPort) : `${IpProtocol} ${FromPort}-${ToPort}`;
  const into = (group: string, rule: Rule): Way => ({
    from: name(rule.SourceSecurityGroupId ?? rule.CidrIp ?? rule.CidrIpv6 ?? rule.SourcePrefixListId),
    to: group,
    ports: ports(rule),
  });
  const outOf = (group: string, rule: Rule): Way => ({
    from: group,
    to: name(rule.DestinationSecurityGroupId ?? rule.CidrIp ?? rule.CidrIpv6 ?? rule.DestinationPrefixListId),
    ports: ports(rule),
  });
  const alone = <P extends Rule>(direction: string) =>
    resourcesIn<P & { GroupId: string }>(stacks, `AWS::EC2::SecurityGroup${direction}`);
  return {
    ingress: [
      ...groups.flatMap(({ id, properties }) =>
        (properties.SecurityGroupIngress ?? []).map((rule) => into(id, rule)),
      ),
      ...alone('Ingress').map(({ properties }) => into(name(properties.GroupId), properties)),
    ],
    egress: [
      ...groups.flatMap(({ id, properties }) =>
        (properties.SecurityGroupEgress ?? []).map((rule) => outOf(id, rule)),
      ),
      ...alone('Egress').map(({ properties }) => outOf(name(properties.GroupId), properties)),
    ],
  };
}

const isGroup = (peer: string): boolean => peer.endsWith('SecurityGroup');

const scenarios = VARIANTS.map((scenario) => {
  const stacks = stacksOf(scenario);
  const { ingress, egress } = waysOf(stacks);
  return { name: scenario.name, stacks, ingress, egress };
});

test.each(scenarios)(
  '$name: only the load balancer is reached from outside, on its two ports',
  ({ ingress }) => {
    const foreign = ingress.filter(
      ({ from, to, ports }) => !isGroup(from) && !PUBLIC_INGRESS.has(`${to} ${ports}`),
    );
    expect(foreign).toEqual([]);
  },
);

test.each(scenarios)('$name: every way in is one port', ({ ingress }) => {
  expect(ingress.filter(({ ports }) => !/^\d+$/.test(ports))).toEqual([]);
});

test.each(scenarios)('$name: every way out is one port, and to the Internet it is HTTPS', ({ egress }) => {
  const open = egress.filter(
    ({ to, ports }) => to !== NOWHERE && !(isGroup(to) ? /^\d+$/.test(ports) : ports === '443'),
  );
  expect(open).toEqual([]);
});

// A group without a rule for going out is given one that allows everything.
test.each(scenarios)('$name: every group says where it may go', ({ stacks, egress }) => {
  const silent = resourcesIn(stacks, GROUP).filter(({ id }) => !egress.some(({ from }) => from === id));
  expect(silent.map(({ where }) => where)).toEqual([]);
});

test.each(scenarios)('$name: a way between groups is open at both ends', ({ ingress, egress }) => {
  const text = ({ from, to, ports }: Way): string => `${from} → ${to}:${ports}`;
  const allowedOut = new Set(egress.map(text));
  const allowedIn = new Set(ingress.map(text));
  const halfOut = egress.filter((way) => isGroup(way.to) && !allowedIn.has(text(way)));
  const halfIn = ingress.filter(
    (way) =>
      isGroup(way.from) &&
      !allowedOut.has(text(way)) &&
      !(way.ports === '443' && allowedOut.has(text({ ...way, to: '0.0.0.0/0' }))),
  );
  expect({ halfOut: halfOut.map(text), halfIn: halfIn.map(text) }).toEqual({ halfOut: [], halfIn: [] });
});

test.each(scenarios)('$name: the database is reached by its clients and nobody else', ({ ingress }) => {
  const clients = ingress
    .filter(({ to }) => to === 'DatabaseSecurityGroup')
    .map(({ from, ports }) => `${from} ${ports}`);
  expect(clients.toSorted()).toEqual([
    'ApiSecurityGroup 5432',
    'MigrateSecurityGroup 5432',
    'RotationSecurityGroup 5432',
    'WorkerSecurityGroup 5432',
  ]);
});
