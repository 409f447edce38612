/** What can be wrong with a file as a whole. */
export const FILE_FAILURE_CODES = [
  'empty_file',
  'bad_header',
  'unsupported_encoding',
  'record_too_long',
  'too_many_columns',
] as const;

export type FileFailureCode = (typeof FILE_FAILURE_CODES)[number];

/** The file cannot become a dataset, however often it is tried. `message` is the `failure.detail` of the API. */
export class DatasetFailure extends Error {
  override readonly name = 'DatasetFailure';
  readonly code: FileFailureCode;

  constructor(code: FileFailureCode, detail: string) {
    super(detail);
    this.code = code;
  }
}
