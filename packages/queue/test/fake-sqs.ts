import type { BatchResultErrorEntry, Message, MessageAttributeValue, SQSClient } from '@aws-sdk/client-sqs';
import { sleep } from '../src/backoff.ts';

/** What befalls a call: nothing, a loss before it took effect, or a loss of its answer. */
export type Fault = 'none' | 'request lost' | 'answer lost' | 'entries fail';

interface Stored {
  id: string;
  body: string;
  sentAt: number;
  visibleAt: number;
  receiveCount: number;
  handle: string;
}

interface Entry {
  Id: string;
  ReceiptHandle: string;
  VisibilityTimeout: number;
}

/**
 * SQS in memory, on the clock of `Date` and `setTimeout`, so that fake timers move it. It notes calls that a consumer
 * must never make.
 */
export class FakeSqs {
  readonly client = { send: this.#send.bind(this) } as unknown as SQSClient;
  readonly deadLetters: string[] = [];
  readonly deleted: string[] = [];
  /** Every visibility change that was asked for, in seconds. */
  readonly visibilities: number[] = [];
  /** When receives came. */
  readonly receives: number[] = [];
  /** How many messages they asked for. */
  readonly asked: number[] = [];
  /** How many messages each delete and visibility change was about. */
  readonly batches: { command: string; size: number }[] = [];
  readonly violations: string[] = [];
  fault: (command: string) => Fault = () => 'none';
  /** Hears what takes effect on a message in flight: its delete, or in how many seconds it is visible. */
  onTold: (told: { id: string; receiveCount: number; visibleIn: number | 'deleted' }) => void = () => {};
  /** Every message's, given to those who ask for them. */
  attributes: Record<string, MessageAttributeValue> = {};
  /** Whether the next message is delivered again at once, as SQS may: the first receiver's handle is then void. */
  duplicateNext = false;
  latencyMs = (): number => 5;

  readonly #leaseSeconds: number;
  readonly #maxReceiveCount: number;
  readonly #messages = new Map<string, Stored>();
  readonly #settled = new Set<string>();
  readonly #underWay = new Map<string, string>();
  #handles = 0;

  constructor(options: { leaseSeconds?: number; maxReceiveCount?: number } = {}) {
    this.#leaseSeconds = options.leaseSeconds ?? 30;
    this.#maxReceiveCount = options.maxReceiveCount ?? 3;
  }

  get depth(): number {
    return this.#messages.size;
  }

  add(...bodies: string[]): void {
    for (const body of bodies) {
      const id = `m${this.#messages.size + this.deleted.length + this.deadLetters.length}-${body}`;
      this.#messages.set(id, { id, body, sentAt: Date.now(), visibleAt: 0, receiveCount: 0, handle: '' });
    }
  }

  async #send(
    command: { input: unknown; constructor: { name: string } },
    options?: { abortSignal?: AbortSignal },
  ) {
    const name = command.constructor.name.replace('Command', '');
    const input = command.input as { Entries?: Entry[] };
    const handles = input.Entries?.map(({ ReceiptHandle }) => ReceiptHandle) ?? [];
    if (!options?.abortSignal) this.violations.push(`${name} without a time limit`);
    if (handles.length > 0) this.batches.push({ command: name, size: handles.length });
    for (const handle of handles) this.#check(name, handle);
    const fault = this.fault(name);
    try {
      await sleep(this.latencyMs());
      if (fault === 'request lost') throw new Error('request lost');
      const output = await this.#perform(name, input as never, fault, options?.abortSignal);
      await sleep(this.latencyMs());
      if (fault === 'answer lost') throw new Error('answer lost');
      if (name === 'DeleteMessageBatch') {
        const failed = new Set(
          (output as { Failed: BatchResultErrorEntry[] }).Failed.map(({ Id }) => Number(Id)),
        );
        for (const [i, handle] of handles.entries()) if (!failed.has(i)) this.#settled.add(handle);
      }
      return output;
    } finally {
      for (const handle of handles) this.#underWay.delete(handle);
    }
  }

  #check(name: string, handle: string): void {
    const other = this.#underWay.get(handle);
    if (other !== undefined) this.violations.push(`${name} while ${other} was under way`);
    if (this.#settled.has(handle)) this.violations.push(`${name} after a delete`);
    this.#underWay.set(handle, name);
  }

  #perform(name: string, input: never, fault: Fault, signal?: AbortSignal): unknown {
    switch (name) {
      case 'GetQueueAttributes':
        return {
          Attributes: {
            VisibilityTimeout: String(this.#leaseSeconds),
            RedrivePolicy: JSON.stringify({
              deadLetterTargetArn: 'arn:aws:sqs:us-east-1:000000000000:dlq',
              maxReceiveCount: this.#maxReceiveCount,
            }),
          },
        };
      case 'GetQueueUrl':
        return { QueueUrl: 'dlq' };
      case 'SendMessage':
        this.deadLetters.push((input as { MessageBody: string }).MessageBody);
        return {};
      case 'ReceiveMessage':
        return this.#receive(input, signal);
      case 'DeleteMessageBatch':
      case 'ChangeMessageVisibilityBatch':
        return { Failed: this.#each(name, (input as { Entries: Entry[] }).Entries, fault) };
      default:
        throw new Error(`FakeSqs does not know ${name}`);
    }
  }

  async #receive(
    {
      MaxNumberOfMessages: max,
      WaitTimeSeconds: wait,
      MessageAttributeNames: attributeNames = [],
    }: { MaxNumberOfMessages: number; WaitTimeSeconds: number; MessageAttributeNames?: string[] },
    signal?: AbortSignal,
  ): Promise<{ Messages: Message[] }> {
    this.receives.push(Date.now());
    this.asked.push(max);
    if (max < 1 || max > 10) throw new Error('SQS gives 1 to 10 messages');
    const until = Date.now() + wait * 1000;
    for (;;) {
      if (signal?.aborted) throw new Error('aborted');
      const MessageAttributes = attributeNames.includes('All') ? this.attributes : {};
      const Messages = this.#take(max).map((message) => Object.assign({}, message, { MessageAttributes }));
      if (Messages.length > 0 || Date.now() >= until) return { Messages };
      await sleep(Math.min(100, until - Date.now()));
    }
  }

  #take(max: number): Message[] {
    const now = Date.now();
    const taken: Message[] = [];
    for (const message of this.#messages.values()) {
      if (taken.length === max) break;
      if (message.visibleAt > now) continue;
      if (message.receiveCount === this.#maxReceiveCount) {
        this.#messages.delete(message.id);
        this.deadLetters.push(message.body);
        continue;
      }
      message.receiveCount++;
      message.visibleAt = this.duplicateNext ? now : now + this.#leaseSeconds * 1000;
      this.duplicateNext = false;
      message.handle = `h${++this.#handles}`;
      taken.push({
        MessageId: message.id,
        Body: message.body,
        ReceiptHandle: message.handle,
        Attributes: {
          ApproximateReceiveCount: String(message.receiveCount),
          SentTimestamp: String(message.sentAt),
        },
      });
    }
    return taken;
  }

  #each(name: string, entries: Entry[], fault: Fault): BatchResultErrorEntry[] {
    const failed: BatchResultErrorEntry[] = [];
    for (const { Id, ReceiptHandle, VisibilityTimeout } of entries) {
      const message = this.#messages.values().find(({ handle }) => handle === ReceiptHandle);
      if (name === 'ChangeMessageVisibilityBatch') this.visibilities.push(VisibilityTimeout);
      if (fault === 'entries fail' && Number(Id) % 2 === 0) {
        failed.push({ Id, SenderFault: false, Code: 'InternalError' });
      } else if (name === 'DeleteMessageBatch') {
        // Like SQS, it calls the delete of what is not there a success.
        if (message && this.#messages.delete(message.id)) {
          this.deleted.push(message.body);
          this.onTold({ id: message.id, receiveCount: message.receiveCount, visibleIn: 'deleted' });
        }
      } else if (message && message.visibleAt > Date.now()) {
        message.visibleAt = Date.now() + VisibilityTimeout * 1000;
        this.onTold({ id: message.id, receiveCount: message.receiveCount, visibleIn: VisibilityTimeout });
      } else {
        failed.push({ Id, SenderFault: true, Code: 'InvalidParameterValue', Message: 'not in flight' });
      }
    }
    return failed;
  }
}
