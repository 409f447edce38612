import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What to ask a server for, and how much. */
export interface Load {
  url: string;
  /** `{row}` in it stands for a random row number below `rows`. */
  path: string;
  rows: number;
  connections: number;
  seconds: number;
  /** Requests a second. By default each connection asks again as soon as it is answered. */
  rate?: number;
}

export interface Outcome {
  requests: number;
  seconds: number;
  /** Milliseconds until an answer had arrived as a whole; with a rate, from when its request was due. */
  p50: number;
  p99: number;
}

export interface Generator {
  run: (load: Load) => Promise<Outcome>;
  close: () => void;
}

/** Starts a process that puts load on servers. */
export function startGenerator(): Generator {
  const child = fork(fileURLToPath(new URL('generator-process.ts', import.meta.url)));
  const failed = new AbortController();
  child.once('exit', () => failed.abort(new Error('the generator of load ended')));
  return {
    async run(load) {
      child.send(load);
      const [outcome] = (await once(child, 'message', { signal: failed.signal })) as [Outcome];
      return outcome;
    },
    close: () => child.disconnect(),
  };
}
