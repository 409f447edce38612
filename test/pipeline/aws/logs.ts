import { Fault } from './fault.ts';

/** CloudWatch Logs: what containers printed, once they have stopped. */
export function createLogs() {
  const streams = new Map<string, { timestamp: number; message: string }[]>();
  return {
    put(group: string, stream: string, text: string): void {
      const lines = text.split('\n').filter((line) => line !== '');
      const events = lines.map((message) => ({ timestamp: Date.now(), message }));
      streams.set(`${group} ${stream}`, events);
    },
    operations: {
      GetLogEvents(input: { logGroupName: string; logStreamName: string }) {
        const events = streams.get(`${input.logGroupName} ${input.logStreamName}`);
        if (!events) throw new Fault('ResourceNotFoundException', 'The specified log stream does not exist.');
        return { events, nextForwardToken: 'f', nextBackwardToken: 'b' };
      },
    },
  };
}

export type Logs = ReturnType<typeof createLogs>;
