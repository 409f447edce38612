import { pino, type DestinationStream, type Logger } from 'pino';

export type { Logger };

/**
 * Where secrets could come up in a logged object: headers, connection strings, the errors of clients that carry
 * their options. Redaction is the second line of defence; the first is not to log whole requests and settings.
 */
const REDACTED = [
  'authorization',
  'cookie',
  'password',
  'connectionString',
  'DATABASE_URL',
  'SecretString',
].flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

/**
 * A JSON logger on standard output: one line an event, as the log router of ECS expects. Lines are written at once: an
 * asynchronous writer loses or reorders the last ones when the process exits or is killed, which are those that matter.
 *
 * @param options.version goes on every line, so that a line tells which deployment wrote it
 */
export function createLogger(
  options: { service: string; version: string; level: string },
  destination?: DestinationStream,
): Logger {
  const settings = {
    level: options.level,
    base: { service: options.service, version: options.version },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: REDACTED, censor: '[redacted]' },
  };
  return pino(settings, destination ?? pino.destination({ dest: 1, sync: true }));
}
