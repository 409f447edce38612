import { FAILURE_CODES, type FailureCode } from '@stowage/datasets';
import { problems } from '../../services/api/src/problems.ts';

const FAILURES: Record<FailureCode, string> = {
  empty_file: 'The file has no record at all.',
  bad_header: 'The header has a malformed or unterminated quote, or a NUL.',
  unsupported_encoding: 'The file starts with a UTF-16 or UTF-32 byte order mark. Convert it to UTF-8.',
  record_too_long: 'A record is longer than 1 MiB. A quote that is never closed ends so, too.',
  too_many_columns: 'There are more than 1,600 columns.',
  loading_failed:
    'A message about the dataset failed on every delivery, or the file was replaced after it was completed; the detail says which. A redrive of the dead-letter queue can still heal the former.',
};

/** Every error a client may meet, made from the tables that make them. */
export function errorsDocument(): string {
  const rows = Object.entries(problems.table)
    .toSorted(([, a], [, b]) => a.status - b.status)
    .map(([code, { status, title, detail }]) => {
      const anchor = code.replaceAll('_', '-');
      return `| <a id="${anchor}"></a>${status} | \`${code}\` | ${title} | ${detail} |`;
    });
  const failures = FAILURE_CODES.map((code) => `| \`${code}\` | ${FAILURES[code]} |`);
  return `# Errors

Made by \`npm run docs\` from \`packages/http/src/errors.ts\` and \`services/api/src/problems.ts\`.

Every error is \`application/problem+json\` (RFC 9457) with \`type\`, \`title\`, \`status\`, \`code\`, \`detail\` and \`instance\` (the
request id); \`validation_failed\` adds \`errors\`, one \`{pointer, detail}\` for each member that is wrong.

| status | code | title | detail |
| --- | --- | --- | --- |
${rows.join('\n')}

## Why a dataset failed

\`failure.code\` of a dataset whose status is \`failed\`.

| code | when |
| --- | --- |
${failures.join('\n')}
`;
}
