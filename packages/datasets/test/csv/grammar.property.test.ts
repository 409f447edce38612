import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DatasetFailure } from '../../src/csv/index.ts';
import type { DialectRequest } from '../../src/csv/index.ts';
import { RUNS, chunkSizes, dialects, documents, portionSizes } from './documents.ts';
import { loadFile } from './load-file.ts';
import type { LoadOptions } from './load-file.ts';
import { readReference, referenceChunks } from './reference-reader.ts';

const PLAIN = { delimiter: ',', header: true, encoding: 'utf-8' } as const;

/** Everything there is to say of a file. */
function outcome(file: Buffer, options: LoadOptions) {
  try {
    const { dialect, columns, records, chunks, rows, rejected, rejects } = loadFile(file, options);
    const { delimiter } = dialect;
    const bare = rejects.map(({ row, line, reason, raw }) => ({ row, line, reason, raw }));
    return { delimiter, columns, records, chunks, rows, rejected, rejects: bare };
  } catch (error) {
    if (error instanceof DatasetFailure) return error.code;
    throw error;
  }
}

function expectedOutcome(file: Buffer, dialect: DialectRequest, chunkBytes: number) {
  const reference = readReference(file, dialect);
  if (reference.failure !== null) return reference.failure;
  const { delimiter, columns, rows, rejects } = reference;
  return {
    delimiter,
    columns,
    records: rows.length + rejects.length,
    chunks: referenceChunks(reference.records, chunkBytes, file.length),
    rows,
    rejected: rejects.length,
    rejects,
  };
}

test(
  'any file in any chunks and portions is read just as by the reference reader',
  { timeout: 5_000 + 10 * RUNS },
  () => {
    fc.assert(
      fc.property(documents, dialects, chunkSizes, portionSizes, (file, dialect, chunkBytes, portions) => {
        expect(outcome(file, { dialect, chunkBytes, portions })).toEqual(
          expectedOutcome(file, dialect, chunkBytes),
        );
      }),
      { numRuns: 2 * RUNS },
    );
  },
);

test('a big file of everything is read just as by the reference reader', () => {
  // One record after the other: a document that ends inside quotes would take the next ones in.
  const whole = fc.sample(documents, { numRuns: 20_000, seed: 7 }).filter((file) => {
    const reference = readReference(file, PLAIN);
    return (
      reference.failure === null && reference.rejects.every(({ reason }) => reason !== 'unterminated_quote')
    );
  });
  const file = Buffer.concat([
    Buffer.from('a,b\n'),
    ...whole.flatMap((document) => [document, Buffer.from('\n')]),
  ]);
  expect(file.length).toBeGreaterThan(1e6);
  const chunkBytes = 1_000_000;
  expect(outcome(file, { dialect: PLAIN, chunkBytes, portions: [65_536, 10_007], maxRejects: 1e6 })).toEqual(
    expectedOutcome(file, PLAIN, chunkBytes),
  );
});
