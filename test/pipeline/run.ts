import { spawn } from 'node:child_process';

/** Runs a program to its end, and returns all that it printed. The test goes on meanwhile, and AWS with it. */
export function run(
  command: string,
  options: { args: readonly string[]; cwd: string; env: Record<string, string>; input?: string },
): Promise<{ status: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, options.args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    child.stdin.end(options.input ?? '');
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, output }));
  });
}

/** Where programs find `aws`, before any other. */
export function pathWithAws(): string {
  const { STOWAGE_AWS_CLI: folder, PATH } = process.env;
  if (!folder) throw new Error('run these tests by `npm run test:pipeline`, which brings the AWS CLI');
  return `${folder}:${PATH}`;
}
