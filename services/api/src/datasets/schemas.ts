import { type Static, type TSchema, Type } from 'typebox';
import { FAILURE_CODES, STATUSES } from '@stowage/datasets';

const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()]);
const OneOf = <const V extends string>(values: readonly V[], options: object = {}) =>
  Type.Unsafe<V>({ type: 'string', enum: [...values], ...options });

export const DialectRequest = Type.Object(
  {
    delimiter: Type.Optional(
      OneOf(['auto', ',', ';', '\t', '|'], {
        default: 'auto',
        description: '`auto` detects it on the first 64 KiB',
      }),
    ),
    header: Type.Optional(
      Type.Boolean({ default: true, description: 'whether the first record names the columns' }),
    ),
    encoding: Type.Optional(OneOf(['utf-8', 'windows-1252'], { default: 'utf-8' })),
  },
  { additionalProperties: false },
);

/** Refers to a schema of {@link sharedSchemas}, which the OpenAPI document then has once, under its name. */
const refTo = <T extends TSchema & { $id?: string }>(schema: T, description?: string) =>
  Type.Unsafe<Static<T>>({ $ref: `${schema.$id}#`, ...(description === undefined ? {} : { description }) });

export const CreateDataset = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 200 }),
    dialect: Type.Optional(DialectRequest),
  },
  { additionalProperties: false, $id: 'CreateDataset' },
);
export type CreateDataset = Static<typeof CreateDataset>;

export const DatasetView = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    name: Type.String(),
    status: OneOf(STATUSES),
    createdAt: Type.String({ format: 'date-time' }),
    updatedAt: Type.String({ format: 'date-time' }),
    bytes: Nullable(Type.Integer({ description: 'size of the file' })),
    dialect: Type.Object({
      delimiter: OneOf(['auto', ',', ';', '\t', '|'], { description: '`auto` until it is detected' }),
      header: Type.Boolean(),
      encoding: OneOf(['utf-8', 'windows-1252']),
    }),
    columns: Nullable(Type.Array(Type.String())),
    progress: Type.Object({
      chunksTotal: Nullable(Type.Integer()),
      chunksLoaded: Type.Integer(),
      rowsLoaded: Type.Integer(),
      rowsRejected: Type.Integer(),
    }),
    failure: Nullable(Type.Object({ code: OneOf(FAILURE_CODES), detail: Type.String() })),
  },
  { $id: 'Dataset' },
);
export type DatasetView = Static<typeof DatasetView>;

export const CreatedDataset = Type.Object(
  {
    dataset: refTo(DatasetView),
    upload: Type.Object({
      method: Type.Literal('POST'),
      url: Type.String({ format: 'uri' }),
      fields: Type.Record(Type.String(), Type.String(), {
        description: 'form fields to send, before the file',
      }),
      maxBytes: Type.Integer(),
      expiresAt: Type.String({ format: 'date-time' }),
    }),
  },
  { $id: 'CreatedDataset' },
);
export type CreatedDataset = Static<typeof CreatedDataset>;

/** The length leaves out `urn:uuid:…`, which the format allows. */
export const DatasetParams = Type.Object({ id: Type.String({ format: 'uuid', maxLength: 36 }) });

const MAX_ROW = Number.MAX_SAFE_INTEGER;
const after = Type.Integer({
  default: 0,
  minimum: 0,
  maximum: MAX_ROW,
  description: 'row number to go on after',
});
const pageSize = Type.Integer({ default: 100, minimum: 1, maximum: 1_000 });

export const ListQuery = Type.Object(
  {
    limit: Type.Integer({ default: 50, minimum: 1, maximum: 100 }),
    cursor: Type.Optional(
      Type.String({
        // 128 bits in base64url: the last of the 22 characters carries two of them.
        pattern: '^([A-Za-z0-9_-]{21}[AQgw])?$',
        description: '`nextCursor` of the page before; empty for the first',
      }),
    ),
  },
  { additionalProperties: false },
);

export const DatasetList = Type.Object(
  {
    items: Type.Array(refTo(DatasetView)),
    nextCursor: Nullable(Type.String()),
  },
  { $id: 'DatasetList' },
);

/** A filter may repeat, so Ajv sees one text or several; the names of columns are checked against the dataset. */
const FilterText = Type.Union([Type.String(), Type.Array(Type.String())]);

export const RowsQuery = Type.Object(
  { after, limit: pageSize },
  { additionalProperties: false, patternProperties: { '^where\\.': FilterText } },
);
export type RowsQuery = Static<typeof RowsQuery>;

export const RowsPage = Type.Object(
  {
    items: Type.Array(
      Type.Object({
        row: Type.Integer({ description: 'number of the record in the file, from 1' }),
        values: Type.Record(Type.String(), Type.String(), { description: 'column name → text of the cell' }),
      }),
    ),
    nextAfter: Nullable(Type.Integer()),
  },
  { $id: 'RowsPage' },
);

export const RejectsQuery = Type.Object({ after, limit: pageSize }, { additionalProperties: false });

export const RejectsPage = Type.Object(
  {
    items: Type.Array(
      Type.Object({
        row: Type.Integer(),
        line: Type.Integer({ description: 'line of the file on which the record starts, from 1' }),
        reason: OneOf([
          'unterminated_quote',
          'malformed_quote',
          'invalid_encoding',
          'wrong_cell_count',
          'nul_character',
        ]),
        detail: Type.String(),
        raw: Type.String({ description: 'the record’s text, at most 1,024 characters' }),
      }),
    ),
    nextAfter: Nullable(Type.Integer()),
  },
  { $id: 'RejectsPage' },
);

/** Before OpenAPI 3.2 some read this as the schema of the whole stream, some as that of each event. */
export const EventStream = Type.Unsafe<never>({ type: ['string', 'object'] });

export const ProfileView = Type.Object(
  {
    columns: Type.Array(
      Type.Object({
        name: Type.String(),
        type: OneOf(['number', 'text']),
        empty: Type.Integer(),
        nonEmpty: Type.Integer(),
        min: Type.Union([Type.Number(), Type.String(), Type.Null()]),
        max: Type.Union([Type.Number(), Type.String(), Type.Null()]),
        mean: Nullable(Type.Number()),
        histogram: Nullable(
          Type.Array(Type.Object({ from: Type.Number(), to: Type.Number(), count: Type.Integer() })),
        ),
      }),
    ),
  },
  { $id: 'Profile' },
);

export const sharedSchemas = [
  CreateDataset,
  DatasetView,
  CreatedDataset,
  DatasetList,
  RowsPage,
  RejectsPage,
  ProfileView,
];

/** The shared schemas as routes use them. */
export const refs = {
  CreateDataset: refTo(CreateDataset),
  Dataset: refTo(DatasetView, 'The dataset as it is now'),
  CreatedDataset: refTo(CreatedDataset, 'The dataset, and the form that uploads its file straight to S3'),
  DatasetList: refTo(DatasetList, 'A page of datasets'),
  RowsPage: refTo(RowsPage, 'A page of rows'),
  RejectsPage: refTo(RejectsPage, 'A page of rejects'),
  Profile: refTo(ProfileView, 'One entry a column, in file order'),
};
