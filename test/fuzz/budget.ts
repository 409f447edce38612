import type { Parameters } from 'fast-check';

/** Repeats a run: what is sent follows from it. The default is fixed, so that a change is blamed for what it broke. */
export const seed = Number(process.env['FUZZ_SEED'] ?? 1);

const requests = Number(process.env['FUZZ_REQUESTS'] ?? 20_000);

/** Requests under way at a time. */
const LANES = 8;

/** So many of all the requests of a run. */
export const share = (fraction: number): number => Math.ceil(requests * fraction);

/**
 * Runs a property in several lanes at once, each with a seed of its own, `runs` times together.
 *
 * @param check fast-check's `assert` of the property
 */
export async function inLanes(
  runs: number,
  check: (parameters: Parameters<unknown>) => Promise<void>,
  lanes = LANES,
): Promise<void> {
  await Promise.all(
    Array.from({ length: lanes }, (_, lane) =>
      check({
        seed: seed + lane,
        numRuns: Math.ceil(runs / lanes),
        // Looking for the smallest counterexample ends before the test's own time does, which would say nothing.
        interruptAfterTimeLimit: 240_000,
        markInterruptAsFailure: true,
      }),
    ),
  );
}
