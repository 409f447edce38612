/** Why a whole dataset failed, as the API reports it in `failure.code`. */
export type FailureCode =
  | 'empty_file'
  | 'bad_header'
  | 'unsupported_encoding'
  | 'record_too_long'
  | 'too_many_columns'
  | 'loading_failed';

/** The file cannot become a dataset, however often it is tried. `message` is the `failure.detail` of the API. */
export class DatasetFailure extends Error {
  override readonly name = 'DatasetFailure';
  readonly code: FailureCode;

  constructor(code: FailureCode, detail: string) {
    super(detail);
    this.code = code;
  }
}
