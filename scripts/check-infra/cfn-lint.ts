import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { install } from '../python-tool.ts';

export const cfnLint = {
  name: 'cfn-lint',
  requirements: fileURLToPath(new URL('requirements.txt', import.meta.url)),
};

/** I4010 wants each resource's purpose as metadata, too: here comments and descriptions have it. */
const RULES = ['--include-checks', 'I', '--include-experimental', '--ignore-checks', 'I4010'];

/**
 * Lints templates as CloudFormation in the regions would take them, every finding an error, informational ones too.
 *
 * @returns whether there was none; they were printed
 * @throws {ToolError} when cfn-lint is not there and cannot be installed
 */
export function lint(templates: readonly string[], regions: readonly string[]): boolean {
  const { python, folder } = install(cfnLint);
  // cfn-lint has a command but no module to run, and the command would not look into this folder.
  const args = [
    '-c',
    'import sys; from cfnlint.runner import main; sys.exit(main())',
    ...RULES,
    '--regions',
    ...regions,
    '--template',
    ...templates,
  ];
  const { status } = spawnSync(python, args, {
    stdio: 'inherit',
    env: { ...process.env, PYTHONPATH: folder },
  });
  return status === 0;
}
