import type { ResourceDeclaration } from '../support/cloudformation/template.ts';
import { resources } from './templates.ts';

/** A statement of a policy, as the template writes it. */
export interface Statement {
  Effect: string;
  Principal?: Record<string, unknown>;
  Action: string[];
  /** Texts, or functions that make one. */
  Resource: unknown[];
  Condition?: Record<string, Record<string, unknown>>;
}

export interface Placed {
  /** Template and logical id, for messages. */
  where: string;
  template: string;
  statement: Statement;
}

/** Statements that say what a role may do. */
export function permissions(): Placed[] {
  return placed(['AWS::IAM::Role', 'AWS::IAM::ManagedPolicy', 'AWS::IAM::Policy'], ({ Properties = {} }) => [
    Properties['Policies'],
    Properties['PolicyDocument'],
  ]);
}

/** Statements that say who may take a role. */
export function trusts(): Placed[] {
  return placed(['AWS::IAM::Role'], ({ Properties = {} }) => Properties['AssumeRolePolicyDocument']);
}

/** Statements of resources' own policies, which say who may use them. */
export function resourcePolicies(): Placed[] {
  const types = ['AWS::S3::BucketPolicy', 'AWS::SQS::QueuePolicy', 'AWS::SNS::TopicPolicy', 'AWS::KMS::Key'];
  return placed(types, ({ Properties = {} }) => [Properties['PolicyDocument'], Properties['KeyPolicy']]);
}

function placed(types: readonly string[], policies: (resource: ResourceDeclaration) => unknown): Placed[] {
  return resources(...types).flatMap(({ where, template, resource }) =>
    statementsIn(policies(resource)).map((statement) => ({ where, template, statement })),
  );
}

/** Every statement in a value, whatever `Fn::If` it stands under. */
function statementsIn(value: unknown): Statement[] {
  if (typeof value !== 'object' || value === null) return [];
  if ('Effect' in value) {
    const { Action, Resource, ...statement } = value as Statement;
    return [Object.assign(statement, { Action: [Action].flat(), Resource: [Resource].flat() })];
  }
  return Object.values(value).flatMap(statementsIn);
}
