import { Type } from 'typebox';
import type { TUnsafe } from 'typebox';
import type { ProblemDefinition, ProblemTable } from './errors.ts';

/** RFC 9457, as this platform writes it. A shared component: refer to it as `Problem#`. */
export const ProblemSchema = Type.Object(
  {
    type: Type.String({ description: 'A URI reference that names and documents the kind of error.' }),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: 'The kind of error, for programs.' }),
    detail: Type.String({ description: 'What happened, for people.' }),
    instance: Type.String({ description: 'The id of the request.' }),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          pointer: Type.String({
            description: 'A JSON pointer into the body, or /query/…, /path/…, /headers/….',
          }),
          detail: Type.String(),
        }),
      ),
    ),
  },
  { $id: 'Problem' },
);

/** One entry of a route's `response` map. Typed `never`: a handler throws problems, it does not return them. */
export interface ProblemResponse {
  readonly description: string;
  readonly content: { readonly 'application/problem+json': { readonly schema: TUnsafe<never> } };
}

/**
 * Error answers for a route's `response` map: `{ 200: Dataset, ...problemResponses(problems, 'not_found', 'deleting') }`.
 * What any route may answer (400, 401, 403, 429, 5xx, …) is added by the openapi plugin: name only a route's own codes.
 */
export function problemResponses<Table extends ProblemTable, const Code extends keyof Table & string>(
  { table }: { readonly table: Table },
  ...codes: readonly Code[]
): { [Status in Table[Code]['status']]: ProblemResponse } {
  const byStatus: Record<number, ProblemResponse> = {};
  for (const code of codes) {
    const definition: ProblemDefinition | undefined = table[code];
    if (definition === undefined) throw new Error(`unknown error code ${code}`);
    const { status, title } = definition;
    const before = byStatus[status];
    byStatus[status] = {
      description: (before === undefined ? '' : `${before.description}\n`) + `- \`${code}\`: ${title}`,
      content: { 'application/problem+json': { schema: Type.Unsafe<never>({ $ref: 'Problem#' }) } },
    };
  }
  return byStatus;
}
