import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

/** Whether a program is on this machine and runs with these arguments, which should only ask for its version. */
export function version(command: string, args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? stdout.trim().split('\n', 1)[0] : undefined;
}

/**
 * Runs a program to its end.
 *
 * @returns what it printed
 * @throws with what it complained of, when it fails
 */
export async function run(
  command: string,
  args: readonly string[],
  options: { input?: string; environment?: Record<string, string> } = {},
): Promise<string> {
  const child = spawn(command, args, { env: { ...process.env, ...options.environment } });
  let out = '';
  let complaint = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  child.stdin.end(options.input ?? '');
  const [status] = (await once(child, 'close')) as [number | null];
  if (status !== 0) throw new Error(`${command} ended with ${status}: ${complaint}`);
  return out;
}

/** Seconds that something takes. */
export async function seconds(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1_000;
}
