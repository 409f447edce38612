import type { Layer } from '../../../scripts/deploy/layers.ts';
import type { EvaluatedLayer } from '../../support/cloudformation/environment.ts';
import type { Arns } from './permissions.ts';

/**
 * The resources of an environment that stand where those of the embedded stack stood when calls were recorded.
 *
 * @param names the embedded stack's, by the outputs of storage.yml, and the secret's as `SecretId`
 */
export function createArns(
  names: Record<string, string>,
  layers: Record<Layer, Pick<EvaluatedLayer, 'outputs'>>,
): Arns {
  const arnOf = (known: Record<string, string | undefined>) => (name: string) => {
    const output = Object.keys(known).find((key) => known[key] === name);
    const arn = Object.values(layers).find(({ outputs }) => outputs[output ?? ''])?.outputs[output ?? ''];
    if (arn === undefined) throw new Error(`no layer has the resource that was called ${name}`);
    return arn;
  };
  const queue = arnOf({ QueueArn: names['QueueName'], DeadLetterQueueArn: names['DeadLetterQueueName'] });
  return {
    bucket: arnOf({ BucketArn: names['BucketName'] }),
    table: arnOf({ TableArn: names['TableName'] }),
    queue: (name) => queue(name.replace(/^.*\//, '')),
    secret: arnOf({ ApplicationSecretArn: names['SecretId'] }),
    cluster: layers.platform.outputs['ClusterArn'] ?? '',
  };
}
