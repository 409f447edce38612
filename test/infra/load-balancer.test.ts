import { expect, test } from 'vitest';
import { resourcesIn, type Stack, stacksOf } from './stacks.ts';
import { VARIANTS } from './scenarios.ts';

/** Policies of AWS without TLS 1.0 and 1.1, and without suites that have no forward secrecy. */
const CURRENT_POLICY = /^ELBSecurityPolicy-TLS13-1-[23]-(Res-)?(PQ-)?\d{4}-\d{2}$/;

interface Listener {
  Protocol: string;
  Port: number;
  SslPolicy?: string;
  Certificates?: unknown[];
  DefaultActions: { Type: string; RedirectConfig?: { Protocol: string; Port: string; StatusCode: string } }[];
}

const scenarios = VARIANTS.map((scenario) => ({ name: scenario.name, stacks: stacksOf(scenario) }));
const hasCertificate = (stacks: Stack[]): boolean =>
  stacks.some(({ parameters }) => (parameters['CertificateArn'] ?? '') !== '');

test('there is a variant with a certificate, and one without', () => {
  expect(new Set(scenarios.map(({ stacks }) => hasCertificate(stacks)))).toEqual(new Set([true, false]));
});

test.each(scenarios)(
  '$name: with a certificate requests come over current TLS, and HTTP only leads there',
  ({ stacks }) => {
    const listeners = resourcesIn<Listener>(stacks, 'AWS::ElasticLoadBalancingV2::Listener');
    const https = listeners.filter(({ properties }) => properties.Protocol === 'HTTPS');
    const http = listeners.filter(({ properties }) => properties.Protocol === 'HTTP');
    expect(https).toHaveLength(hasCertificate(stacks) ? 1 : 0);
    for (const { properties } of https) {
      expect(properties.Port).toBe(443);
      expect(properties.SslPolicy).toMatch(CURRENT_POLICY);
      expect(properties.Certificates).toHaveLength(1);
    }
    for (const { properties } of http) {
      const [action] = properties.DefaultActions;
      expect(action?.Type).toBe(hasCertificate(stacks) ? 'redirect' : 'fixed-response');
      if (!action?.RedirectConfig) continue;
      expect(action.RedirectConfig).toEqual({ Protocol: 'HTTPS', Port: '443', StatusCode: 'HTTP_301' });
    }
  },
);

test.each(scenarios)('$name: services add their rules to the listener that clients end at', ({ stacks }) => {
  const listeners = resourcesIn<Listener>(stacks, 'AWS::ElasticLoadBalancingV2::Listener');
  const rules = resourcesIn<{ ListenerArn: string }>(stacks, 'AWS::ElasticLoadBalancingV2::ListenerRule');
  expect(rules.length).toBeGreaterThan(0);
  for (const { properties } of rules) {
    const listener = listeners.find(({ ref }) => ref === properties.ListenerArn);
    expect(listener?.properties.Protocol).toBe(hasCertificate(stacks) ? 'HTTPS' : 'HTTP');
  }
});

test.each(scenarios)(
  '$name: the load balancer spans zones and drops headers that could smuggle requests',
  ({ stacks }) => {
    interface LoadBalancer {
      Subnets: string[];
      LoadBalancerAttributes: { Key: string; Value: string }[];
    }
    const [found] = resourcesIn<LoadBalancer>(stacks, 'AWS::ElasticLoadBalancingV2::LoadBalancer');
    expect(found?.properties.Subnets.length).toBeGreaterThanOrEqual(2);
    expect(found?.properties.LoadBalancerAttributes).toContainEqual({
      Key: 'routing.http.drop_invalid_header_fields.enabled',
      Value: 'true',
    });
  },
);
