export { startSqs, type StandIn } from './sqs.ts';
