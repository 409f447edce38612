import { type EnvironmentFile, readEnvironmentFile, refuseUnfinished } from './environment-file.ts';
import type { Images } from './images.ts';
import { deployLayer, LayerFailed, usableStack } from './layer.ts';
import { type Environment, type Layer, LAYERS } from './layers.ts';
import { title } from './log.ts';
import { runMigration } from './migration.ts';
import { parameterValues, refuseUnknown, type Values } from './parameters.ts';
import { explain, stable } from './service.ts';
import { ensureEcsRole } from './service-linked-role.ts';
import { smokeTest } from './smoke.ts';
import { parametersOf, type Stack } from './stack.ts';
import { readTemplate } from './template.ts';

/**
 * Tasks that a service begins with. From then on autoscaling says how many there are and a release must not: the
 * parameter is 0, for which the template leaves DesiredCount out.
 */
const INITIAL_TASKS: Partial<Record<Layer, { parameter: string; tasks: string }>> = {
  'service-api': { parameter: 'InitialApiTasks', tasks: '3' },
  'service-worker': { parameter: 'InitialWorkerTasks', tasks: '2' },
};

/**
 * Brings an environment to a commit: every layer in order, the migration with the new image before a service has it, and
 * at the end a look through the load balancer. The same for the first release, the next, and one that goes back; what is
 * there already is left alone.
 *
 * @throws at the first step that fails; those after it are not begun
 */
export async function release(environment: Environment, sha: string, images: Images): Promise<void> {
  const file = readEnvironmentFile(environment);
  const templates = LAYERS.map((layer) => [layer, readTemplate(layer)] as const);
  refuseUnknown(
    file.Parameters,
    templates.map(([, template]) => template),
  );
  refuseUnfinished(environment, file);

  const outputs: Record<string, string> = {};
  for (const [layer, template] of templates) {
    title(`${layer} of ${environment}`);
    const stack = await usableStack(environment, layer);
    if (layer === 'platform' && !stack) ensureEcsRole();
    const known = {
      Environment: environment,
      ApiImage: images.api,
      WorkerImage: images.worker,
      Version: sha,
      ...initialTasks(layer, sha, stack),
    };
    const parameters = parameterValues(layer, template, { file: file.Parameters, outputs, release: known });
    const deployed = await deployLayer({
      environment,
      layer,
      stack,
      template,
      parameters,
      tags: { Application: 'stowage', Environment: environment, ...file.Tags },
      protect: protectsData(file),
    }).catch((error: unknown) => {
      if (error instanceof LayerFailed) explain(error.left);
      throw error;
    });
    Object.assign(outputs, deployed);
    if (layer === 'migrate') {
      title(`migration of ${environment}`);
      await runMigration(outputs, `release-${sha.slice(0, 12)}`);
    }
  }

  title(`${environment} as a whole`);
  for (const service of ['ApiServiceName', 'WorkerServiceName']) {
    await stable(outputs['ClusterName'] ?? '', outputs[service] ?? '');
  }
  await smokeTest(loadBalancerUrl(outputs), sha);
}

/** Also when the same commit is released again: what it was given before, so that nothing differs. */
function initialTasks(layer: Layer, sha: string, stack: Stack | undefined): Values {
  const initial = INITIAL_TASKS[layer];
  if (!initial) return {};
  const before = stack && parametersOf(stack);
  const again = before?.['Version'] === sha ? before[initial.parameter] : undefined;
  return { [initial.parameter]: stack ? (again ?? '0') : initial.tasks };
}

/** By its own name: the application's may not lead to it yet, when it is released for the first time. */
function loadBalancerUrl({ LoadBalancerUrl = '', LoadBalancerDnsName = '' }: Values): string {
  return `${new URL(LoadBalancerUrl).protocol}//${LoadBalancerDnsName}`;
}

/** The templates' default is to protect. */
const protectsData = ({ Parameters }: EnvironmentFile): boolean =>
  Parameters['DeletionProtection'] !== 'false';
