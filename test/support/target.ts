import type { TestProject } from 'vitest/node';
import { type Application, startApplication } from './application.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the api under test is. */
    url: string;
  }
}

/**
 * What the acceptance tests run against: the api that STOWAGE_URL names, or else the application on an embedded stack,
 * with two workers and chunks small enough for every file to take several messages.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const named = process.env['STOWAGE_URL'];
  let application: Application | undefined;
  if (!named) {
    application = await startApplication({ workers: 2, environment: { CHUNK_BYTES: '16384' } });
  }
  project.provide('url', named ?? application?.url ?? '');
  return async () => application?.close();
}
