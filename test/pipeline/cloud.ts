import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@stowage/local';
import { createAuthority } from '../../packages/postgres/test/certificates.ts';
import { createCloudFormation, type Provider } from './aws/cloudformation.ts';
import { emptyQueue, emptyTable } from './aws/data-plane.ts';
import { createDatabases } from './aws/databases.ts';
import { createEcs } from './aws/ecs.ts';
import { Fault } from './aws/fault.ts';
import { startLoadBalancer } from './aws/load-balancer.ts';
import { createLogs } from './aws/logs.ts';
import { createSecrets } from './aws/secrets.ts';
import { type Service, serveAws } from './aws/server.ts';
import { docker, removeAll } from './docker.ts';
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
  const { STOWAGE_PIPELINE: name = `stowage-pipeline-${randomUUID().slice(0, 8)}` } = process.env;
  const place = { label: `stowage.pipeline=${name}`, network: name };
  const address = `127.0.0.1:${process.env['STOWAGE_REGISTRY_PORT'] ?? (await freePort())}`;
  const folder = mkdtempSync(join(tmpdir(), 'stowage-cloud-'));
  const stack = new AsyncDisposableStack();
  try {
    stack.defer(() => rmSync(folder, { recursive: true, force: true }));
    stack.defer(() => removeAll(place.label, address));
    await docker(['network', 'create', '--label', place.label, place.network]);
    const gateway = await docker([
      'network',
      'inspect',
      place.network,
      '--format',
      '{{(index .IPAM.Config 0).Gateway}}',
    ]);

    const registry = await startRegistry(address, place.label);
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
    const dockerEnv = await dockerEnvironment(folder);
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
          ? `${address}/${String(resource.Properties['RepositoryName'])}`
          : undefined,
    };
    let endpoint = '';
    // SDKs take a queue's URL for its endpoint.
    const queue: Provider = {
      attribute: ({ resource }, attribute) =>
        attribute === undefined
          ? `${endpoint}/123456789012/${String(resource.Properties['QueueName'])}`
          : undefined,
    };
    const cloudFormation = createCloudFormation({
      'AWS::ECR::Repository': repository,
      'AWS::ECS::Service': ecs.providers.service,
      'AWS::ECS::TaskDefinition': ecs.providers.taskDefinition,
      'AWS::ElasticLoadBalancingV2::LoadBalancer': loadBalancer,
      'AWS::SQS::Queue': queue,
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
        iam: {
          CreateServiceLinkedRole() {
            throw new Fault(
              'InvalidInput',
              'Service role name AWSServiceRoleForECS has been taken in this account',
            );
          },
        },
        logs: logs.operations,
        secretsmanager: secrets.operations,
        sqs: emptyQueue,
        ...more,
      },
    });
    stack.defer(aws.close);
    endpoint = `http://${gateway}:${aws.port}`;
    Object.assign(containerEnv, {
      AWS_ENDPOINT_URL: endpoint,
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
async function dockerEnvironment(folder: string): Promise<Record<string, string>> {
  const own = process.env['DOCKER_CONFIG'] ?? join(homedir(), '.docker');
  const config = join(folder, 'docker');
  mkdirSync(config);
  for (const name of ['cli-plugins', 'contexts']) {
    if (existsSync(join(own, name))) symlinkSync(join(own, name), join(config, name));
  }
  return { DOCKER_CONFIG: config, DOCKER_CONTEXT: await docker(['context', 'show']) };
}
