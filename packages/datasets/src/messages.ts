import { type Static, Type } from 'typebox';
import type { DatasetRef } from './dataset.ts';

/*
 * The contracts between api and worker. A message is `{type, version, …}`. A version is never changed, only replaced:
 * while a deployment rolls, old and new workers read the same queue, so a worker that understands version 2 still
 * understands 1, and the api sends 2 only once every worker does.
 */

const Ref = { tenant: Type.String({ minLength: 1 }), datasetId: Type.String({ format: 'uuid' }) };

/** Find the chunks of an uploaded file and send one message for each, or load a file of one chunk. */
export const SplitFile = Type.Object({
  type: Type.Literal('split-file'),
  version: Type.Literal(1),
  ...Ref,
  etag: Type.String({ minLength: 1 }),
  bytes: Type.Integer({ minimum: 0 }),
});
export type SplitFile = Static<typeof SplitFile>;

/** Load one chunk; it carries all that is needed to read its bytes. */
export const LoadChunk = Type.Object({
  type: Type.Literal('load-chunk'),
  version: Type.Literal(1),
  ...Ref,
  etag: Type.String({ minLength: 1 }),
  chunk: Type.Object({
    number: Type.Integer({ minimum: 0 }),
    start: Type.Integer({ minimum: 0 }),
    end: Type.Integer({ minimum: 1 }),
    firstRow: Type.Integer({ minimum: 1 }),
    firstLine: Type.Integer({ minimum: 1 }),
  }),
  delimiter: Type.Union([Type.Literal(','), Type.Literal(';'), Type.Literal('\t'), Type.Literal('|')]),
  encoding: Type.Union([Type.Literal('utf-8'), Type.Literal('windows-1252')]),
  columnCount: Type.Integer({ minimum: 1 }),
});
export type LoadChunk = Static<typeof LoadChunk>;

/** Remove a dataset: rows, file and record. */
export const DeleteDataset = Type.Object({
  type: Type.Literal('delete-dataset'),
  version: Type.Literal(1),
  ...Ref,
});
export type DeleteDataset = Static<typeof DeleteDataset>;

export const Message = Type.Union([SplitFile, LoadChunk, DeleteDataset]);
export type Message = Static<typeof Message>;

/** The dataset that a message is about. */
export function datasetOf(message: Message): DatasetRef {
  return { tenant: message.tenant, id: message.datasetId };
}
