import type { TestProject } from 'vitest/node';
import { startApplication } from '../support/application.ts';
import { seed, share } from './budget.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the fuzzed api is. */
    fuzzedUrl: string;
    /** Where each service has its admin port. */
    adminUrls: string[];
  }
}

/** The application that every fuzz test talks to. What it logs as an error fails the suite at the end. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const application = await startApplication({
    workers: 2,
    // A line for each request would take a part of the time.
    environment: { CHUNK_BYTES: '4096', LOG_LEVEL: 'warn' },
  });
  project.provide('fuzzedUrl', application.url);
  project.provide('adminUrls', ['api', 'worker-1', 'worker-2'].map(application.adminUrl));
  process.stdout.write(`fuzzing with FUZZ_SEED=${seed} FUZZ_REQUESTS=${share(1)}\n`);

  return async () => {
    const { ends, logs } = application;
    await application.close();
    const errors = logs.filter(({ level }) => level === 'error' || level === 'fatal');
    if (errors.length > 0)
      throw new Error(`errors were logged: ${JSON.stringify(errors.slice(0, 5), null, 2)}`);
    if (ends.length > 0) throw new Error(`services ended: ${ends.join('; ')}`);
  };
}
