import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** The user id that Postgres gets when root starts it: `nobody`. */
export const NOBODY = 65_534;

const OTHERS_MAY_ENTER = 0o001;

/** Whether this process is root, who must start some programs as somebody else. */
export const isRoot = (): boolean => process.getuid?.() === 0;

/**
 * The command line under which root starts a program that refuses to run as root, which Postgres does; for everybody
 * else the command itself.
 *
 * In a container or on CI the checkout often lies below root's own home or a private temporary folder, which another
 * user may not enter. Then the program keeps one right of root's: to pass folders it could not read.
 *
 * @param command where anybody may run it
 * @param folder that the program must reach
 */
export function unprivileged(command: string, args: string[], folder: string): [string, string[]] {
  if (!isRoot()) return [command, args];
  const keep = mayBeEntered(folder) ? '' : '+dac_override';
  const rights = keep ? ['--inh-caps', keep, '--ambient-caps', keep] : [];
  const user = ['--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups'];
  return ['setpriv', [...user, ...rights, '--', command, ...args]];
}

/** Whether every folder above a path lets everybody pass. */
export function mayBeEntered(path: string): boolean {
  const parent = dirname(resolve(path));
  const { mode } = statSync(parent);
  return (mode & OTHERS_MAY_ENTER) !== 0 && (parent === dirname(parent) || mayBeEntered(parent));
}
