import type { Layer } from '../../../scripts/deploy/layers.ts';
import type { EvaluatedLayer } from '../../support/cloudformation/environment.ts';
import { list, type Statement } from './policy.ts';

type Layers = Record<Layer, EvaluatedLayer>;

/** The role that a program runs with, and all that is said of what it may do. */
export interface TaskRole {
  layer: Layer;
  logicalId: string;
  /** The role's own policies. */
  statements: Statement[];
}

/** Where the programs' task definitions are, by the programs' names. */
export const PROGRAMS = {
  api: 'service-api',
  worker: 'service-worker',
  migrate: 'migrate',
} as const satisfies Record<string, Layer>;

export type Program = keyof typeof PROGRAMS;

interface Document {
  PolicyDocument: { Statement: Statement | Statement[] };
}

/**
 * The role in a program's task definition.
 *
 * @throws for ways to give permissions that are not known here: none may be overlooked
 */
export function taskRoleOf(program: Program, layers: Layers): TaskRole {
  const layer = PROGRAMS[program];
  const { template, resources } = layers[layer];
  const definition = Object.entries(resources).find(([, { Type }]) => Type === 'AWS::ECS::TaskDefinition');
  // The template says the role's logical id, where the evaluated one has an ARN.
  const arn = template.Resources[definition?.[0] ?? '']?.Properties?.['TaskRoleArn'] as
    | { 'Fn::GetAtt'?: [string, string] }
    | undefined;
  const logicalId = arn?.['Fn::GetAtt']?.[0];
  if (logicalId === undefined) throw new Error(`${program} has no task role of its own template`);
  const { Policies = [], ManagedPolicyArns = [] } = (resources[logicalId]?.Properties ?? {}) as {
    Policies?: Document[];
    ManagedPolicyArns?: string[];
  };
  const elsewhere = Object.entries(resources).find(([, { Type }]) =>
    /^AWS::IAM::(Policy|ManagedPolicy|RolePolicy)$/.test(Type),
  );
  if (ManagedPolicyArns.length > 0 || elsewhere) {
    throw new Error(`${layer}.yml: only policies within a role are known here, not ${elsewhere?.[0]}`);
  }
  return { layer, logicalId, statements: Policies.flatMap(statementsOf) };
}

/** What the policies of buckets and queues say of everybody. Who owns the resource needs no permission of them. */
export function denialsOf({ storage }: Layers): Statement[] {
  return Object.values(storage.resources)
    .filter(({ Type }) => Type === 'AWS::S3::BucketPolicy' || Type === 'AWS::SQS::QueuePolicy')
    .flatMap(({ Properties }) => statementsOf(Properties as unknown as Document))
    .filter(({ Effect }) => Effect === 'Deny');
}

function statementsOf({ PolicyDocument: { Statement } }: Document): Statement[] {
  return [Statement].flat();
}

/** One action on one resource (or pattern of either) that a statement allows. */
export interface Grant {
  action: string;
  resource: string;
}

/** @throws for statements that allow what they do not name */
export function grantsOf(statements: Statement[]): Grant[] {
  return statements
    .filter(({ Effect }) => Effect === 'Allow')
    .flatMap(({ Action, Resource }) => {
      if (Action === undefined || Resource === undefined) {
        throw new Error('a statement allows by NotAction or NotResource, of which nobody sees the end');
      }
      return list(Action).flatMap((action) => list(Resource).map((resource) => ({ action, resource })));
    });
}
