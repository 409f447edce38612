export { type Consumer, startConsumer, type StopReport } from './consumer.ts';
export type { ConsumerOptions, HandlerContext } from './options.ts';
export { Poison, RetryLater } from './outcomes.ts';
export { messageParser } from './parse.ts';
export { createProducer, type Producer, type SendOptions } from './producer.ts';
