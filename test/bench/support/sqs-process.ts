/* The embedded SQS as a process of its own, so that its work is not counted as a contender's; see sqs.ts. */
import { startSqs } from '../../../packages/local/src/sqs.ts';

process.on('disconnect', () => process.exit());
process.send?.((await startSqs()).url);
