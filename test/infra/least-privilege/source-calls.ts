import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/**
 * The SDK's commands that the programs' source has, as `GetObject`: what an exercise of the programs must reach. The
 * embedded stack's are its own.
 */
export function commandsInSource(): string[] {
  const files = globSync(['packages/*/src/**/*.ts', 'services/*/src/**/*.ts'], {
    cwd: root,
    exclude: ['packages/local/**'],
  });
  const commands = files.flatMap((file) =>
    [...readFileSync(`${root}${file}`, 'utf8').matchAll(/\bnew (\w+)Command\(/g)].map(
      ([, name = '']) => name,
    ),
  );
  return [...new Set(commands)].toSorted();
}
