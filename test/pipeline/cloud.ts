import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from '../../packages/postgres/test/certificates.ts';
import { createCloudFormation, type Provider } from './aws/cloudformation.ts';
import { emptyQueue, emptyTable } from './aws/data-plane.ts';
import { createDatabases } from './aws/databases.ts';
import { createEcs } from './aws/ecs.ts';
import { startLoadBalancer } from './aws/load-balancer.ts';
import { createLogs } from './aws/logs.ts';
import { createSecrets } from './aws/secrets.ts';
import { type Service, serveAws } from './aws/server.ts';
import { docker } from './docker.ts';
import { startRegistry } from './registry.ts';

export type Cloud = Awaited<ReturnType<typeof startCloud>>;

/**
 * An AWS account on this machine: one endpoint for its API, a registry for ECR, containers for tasks and databases.
 *
 * @param environments each gets a load balancer
 * @param more services that only a test knows
 */
export async function startCloud(
  environments: readonly string[],
  more: Readonly<Record<string, Service>> = {},
) {
  const name = `stowage-pipeline-${randomUUID().slice(0, 8)}`;
  const place = { label: `stowage.pipeline=${name}`, network: name };
  const folder = mkdtempSync(join(tmpdir(), 'stowage-cloud-'));
  const stack = new AsyncDisposableStack();
  try {
    stack.defer(() => rmSync(folder, { recursive: true, force: true }));
    // Images go after the containers that run them.
    let address = '';
    stack.defer(() => removeImages(address));
    stack.defer(() => removeAll(place.label));
    await docker(['network', 'create', '--label', place.label, place.network]);
    const gateway = await docker([
      'network',
      'inspect',
      place.network,
      '--format',
      '{{(index .IPAM.Config 0).Gateway}}',
    ]);

    const registry = await startRegistry(place.label);
    ({ address } = registry);
    stack.defer(registry.close);

    const authority = createAuthority('Stowage test');
    const authorityFile = join(folder, 'authority.pem');
    writeFileSync(authorityFile, authority.certificate);

    const balancers = new Map(
      await Promise.all(
        environments.map(async (environment) => [environment, await startLoadBalancer()] as const),
      ),
    );
    for (const balancer of balancers.values()) stack.defer(balancer.close);

    const logs = createLogs();
    const secrets = createSecrets();
    const databases = createDatabases({ place, authority, secrets });
    const containerEnv: Record<string, string> = {};
    const dockerEnv = dockerEnvironment(folder);
    const ecs = createEcs({
      place,
      secrets,
      logs,
      dockerEnv: { ...process.env, ...dockerEnv },
      host: { args: ['--volume', `${authorityFile}:/authority.pem:ro`], env: containerEnv },
      loadBalancer: (environment) => balancers.get(environment),
    });
    const loadBalancer: Provider = {
      attribute: ({ stack: stackName }, attribute) =>
        attribute === 'DNSName' ? balancers.get(stackName.split('-')[1] ?? '')?.name : undefined,
    };
    const repository: Provider = {
      attribute: ({ resource }, attribute) =>
        attribute === 'RepositoryUri'
          ? `${registry.address}/${String(resource.Properties['RepositoryName'])}`
          : undefined,
    };
    const cloudFormation = createCloudFormation({
      'AWS::ECR::Repository': repository,
      'AWS::ECS::Service': ecs.providers.service,
      'AWS::ECS::TaskDefinition': ecs.providers.taskDefinition,
      'AWS::ElasticLoadBalancingV2::LoadBalancer': loadBalancer,
      'AWS::RDS::DBInstance': databases.providers.instance,
      'AWS::SecretsManager::Secret': secrets.secret,
      'AWS::SecretsManager::SecretTargetAttachment': databases.providers.attachment,
    });
    const aws = await serveAws({
      // For the AWS CLI, and for containers.
      hosts: ['127.0.0.1', gateway],
      services: {
        cloudformation: cloudFormation.operations,
        dynamodb: emptyTable,
        ecr: registry.ecr,
        ecs: ecs.operations,
        logs: logs.operations,
        secretsmanager: secrets.operations,
        sqs: emptyQueue,
        ...more,
      },
    });
    stack.defer(aws.close);
    Object.assign(containerEnv, {
      AWS_ENDPOINT_URL: `http://${gateway}:${aws.port}`,
      AWS_ACCESS_KEY_ID: 'task',
      AWS_SECRET_ACCESS_KEY: 'task',
      NODE_EXTRA_CA_CERTS: '/authority.pem',
    });

    const owned = stack.move();
    return {
      registry,
      ecs,
      databases,
      cloudFormation,
      calls: aws.calls,
      url: (environment: string): string => `http://${balancers.get(environment)?.name}`,
      /** What a build's environment has, beside the project's variables. */
      environment: {
        ...dockerEnv,
        AWS_ENDPOINT_URL: `http://127.0.0.1:${aws.port}`,
        AWS_ACCESS_KEY_ID: 'release',
        AWS_SECRET_ACCESS_KEY: 'release',
        AWS_DEFAULT_REGION: 'us-east-1',
      } as Record<string, string>,
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/**
 * Docker's settings for one test: a login that the user's own configuration does not get. What else is in that is found
 * all the same: the engine, and the plugins that a user has.
 */
function dockerEnvironment(folder: string): Record<string, string> {
  const own = process.env['DOCKER_CONFIG'] ?? join(homedir(), '.docker');
  const config = join(folder, 'docker');
  mkdirSync(config);
  for (const name of ['cli-plugins', 'contexts']) {
    if (existsSync(join(own, name))) symlinkSync(join(own, name), join(config, name));
  }
  return { DOCKER_CONFIG: config };
}

async function removeAll(label: string): Promise<void> {
  const containers = await docker(['ps', '--all', '--quiet', '--filter', `label=${label}`]);
  if (containers !== '') await docker(['rm', '--force', '--volumes', ...containers.split('\n')]);
  const networks = await docker(['network', 'ls', '--quiet', '--filter', `label=${label}`]);
  if (networks !== '') await docker(['network', 'rm', ...networks.split('\n')]);
}

async function removeImages(registry: string): Promise<void> {
  const images = await docker(['image', 'ls', '--quiet', '--filter', `reference=${registry}/*`]);
  if (images !== '') await docker(['image', 'rm', '--force', ...new Set(images.split('\n'))]);
}
