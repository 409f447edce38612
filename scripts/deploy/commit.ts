import { spawnSync } from 'node:child_process';

/**
 * The commit that is released: GIT_SHA, or what CodeBuild checked out, or HEAD.
 *
 * @throws when that is no full SHA, or the checkout has changes that HEAD knows nothing of: images are found by the SHA,
 *   so it must say what is in them
 */
export function commit(env: NodeJS.ProcessEnv = process.env): string {
  const sha = env['GIT_SHA'] || env['CODEBUILD_RESOLVED_SOURCE_VERSION'] || head();
  if (!/^[0-9a-f]{40}$/.test(sha))
    throw new Error(`“${sha}” is no full Git SHA: set GIT_SHA to the commit’s`);
  return sha;
}

function head(): string {
  const changes = git('status', '--porcelain');
  if (changes !== '')
    throw new Error(`commit what is changed here first, as an image is named by its commit:\n${changes}`);
  return git('rev-parse', 'HEAD').trim();
}

/**
 * A commit by its full SHA, of whatever names it in this checkout.
 *
 * @throws when there is none of that name
 */
export function fullSha(name: string): string {
  return /^[0-9a-f]{40}$/.test(name)
    ? name
    : git('rev-parse', '--verify', '--quiet', `${name}^{commit}`).trim();
}

function git(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('git', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`git ${args.join(' ')} does not tell the commit: ${stderr}`);
  return stdout;
}
