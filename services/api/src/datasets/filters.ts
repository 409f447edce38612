import type { Filter } from '@stowage/datasets';
import { problem } from '../problems.ts';

/** `where.<column>` → the text or texts its cells must equal. */
export type FilterQuery = Record<string, unknown>;

const PREFIX = 'where.';

/** @throws a `validation_failed` problem that names every unknown column */
export function toFilters(query: FilterQuery, columns: string[]): Filter[] {
  const wanted = Object.entries(query).filter(([name]) => name.startsWith(PREFIX));
  const unknown = wanted.filter(([name]) => !columns.includes(name.slice(PREFIX.length)));
  if (unknown.length > 0) {
    throw problem('validation_failed', 'A filter names a column that the dataset does not have.', {
      errors: unknown.map(([name]) => ({
        pointer: `/query/${escapePointer(name)}`,
        detail: 'is not a column',
      })),
    });
  }
  return wanted.flatMap(([name, texts]) => {
    const column = columns.indexOf(name.slice(PREFIX.length));
    return [texts].flat().map((equals) => ({ column, equals: String(equals) }));
  });
}

/** RFC 6901, section 3. */
function escapePointer(token: string): string {
  return token.replaceAll('~', '~0').replaceAll('/', '~1');
}
