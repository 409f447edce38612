import { spawnSync } from 'node:child_process';

/** What AWS answered instead of doing what it was asked. */
export class AwsError extends Error {
  override name = 'AwsError';
  /** AWS's name of the error, such as `ValidationError`; empty when the CLI failed before it reached AWS. */
  readonly code: string;

  constructor(message: string, code: string) {
    super(message);
    this.code = code;
  }
}

/** By name in camel case: a text, texts, `true` for a switch, or what is passed as JSON. Undefined is left out. */
export type AwsOptions = Readonly<Record<string, string | readonly string[] | object | true | undefined>>;

/**
 * Runs the AWS CLI and returns its answer. Credentials, region and endpoint are what the CLI finds by itself: who
 * deploys has set it up already.
 *
 * @param operation as on a command line, such as `ecs describe-tasks`
 * @returns the parsed JSON; undefined for an operation that answers nothing
 * @throws {AwsError} with the error's name and text
 */
export function aws(operation: string, options: AwsOptions = {}): unknown {
  const args = [...operation.split(' '), ...Object.entries(options).flatMap(toArguments)];
  const { status, stdout, stderr, error } = spawnSync('aws', [...args, '--output', 'json'], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    // A release asks often; it must not end because AWS asks it to slow down.
    env: { AWS_RETRY_MODE: 'standard', AWS_MAX_ATTEMPTS: '10', ...process.env, AWS_PAGER: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (error) throw new AwsError(`the AWS CLI cannot be run: ${error.message}. Install its version 2.`, '');
  if (status !== 0) {
    const [, code = ''] = /An error occurred \((\w+)\)/.exec(stderr) ?? [];
    throw new AwsError(`aws ${operation}: ${stderr.trim()}`, code);
  }
  return stdout.trim() === '' ? undefined : JSON.parse(stdout);
}

function toArguments([name, value]: [string, AwsOptions[string]]): string[] {
  if (value === undefined) return [];
  const option = `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  if (value === true) return [option];
  if (typeof value === 'string') return [option, value];
  const isTexts = Array.isArray(value) && value.every((item) => typeof item === 'string');
  return isTexts ? [option, ...value] : [option, JSON.stringify(value)];
}
