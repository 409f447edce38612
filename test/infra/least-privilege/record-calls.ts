import { appendFileSync } from 'node:fs';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { RecordedCall } from './recorded-call.ts';

/*
 * Loaded before a program by NODE_OPTIONS: writes a line of JSON to the file that RECORD_CALLS_TO names, to say that it
 * records, and one for each call that the program makes to AWS. The programs themselves know nothing of this.
 */

interface Command {
  input: Record<string, unknown>;
}
interface Client {
  config: { serviceId: string };
  send: (command: Command, ...rest: unknown[]) => Promise<{ $metadata?: Metadata }>;
}
interface Metadata {
  httpStatusCode?: number;
}

/** A dataset of this name cannot be stored, so that the api gives its idempotency key back. */
const UNSTORABLE = 'unstorable';

const file = process.env['RECORD_CALLS_TO'] ?? '';
const program = /services\/(\w+)\//.exec(process.argv[1] ?? '')?.[1] ?? 'unknown';

record({ program });

// As on ECS, where each task has an agent's address of its own: the path says who calls.
if (process.env['ECS_AGENT_URI']) process.env['ECS_AGENT_URI'] += `/${program}`;

/** The class that the clients of all services share, the document client included. */
const { prototype } = Object.getPrototypeOf(SQSClient) as { prototype: Client };
const send = prototype.send;

prototype.send = async function (this: Client, command, ...rest) {
  let status: number | undefined;
  try {
    refuseUnstorable(command);
    const result = await send.call(this, command, ...rest);
    status = result.$metadata?.httpStatusCode;
    return result;
  } catch (error) {
    status = (error as { $metadata?: Metadata }).$metadata?.httpStatusCode;
    throw error;
  } finally {
    const operation = command.constructor.name.replace(/Command$/, '');
    record({ program, service: this.config.serviceId, operation, names: namesIn(command.input), status });
  }
};

function record(line: RecordedCall | { program: string }): void {
  appendFileSync(file, `${JSON.stringify(line)}\n`);
}

/** What names resources. Not the rest: bodies, cells and secrets have no place in a record. */
function namesIn(input: Record<string, unknown>): RecordedCall['names'] {
  const { Bucket, Key, Delete, TableName, IndexName, QueueUrl, QueueName, SecretId } = input;
  const objects = (Delete as { Objects: { Key: string }[] } | undefined)?.Objects.map((object) => object.Key);
  return Object.fromEntries(
    Object.entries({ Bucket, Key: objects ?? Key, TableName, IndexName, QueueUrl, QueueName, SecretId })
      // The key of an item is an object: policies name tables.
      .filter(([, value]) => typeof value === 'string' || Array.isArray(value)),
  ) as RecordedCall['names'];
}

function refuseUnstorable({ input }: Command): void {
  if ((input['Item'] as { name?: string } | undefined)?.name === UNSTORABLE) {
    throw new Error('this dataset cannot be stored');
  }
}
