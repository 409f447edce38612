import { spawn } from 'node:child_process';

/** Where a test's containers are, and what they are found by when they are to go. */
export interface Place {
  network: string;
  label: string;
}

/**
 * Runs the Docker CLI and returns what it printed.
 *
 * @throws with what it complained of
 */
export function docker(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('docker', args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', reject);
    child.on('close', (status) => {
      if (status === 0) resolve(stdout.trim());
      else reject(new Error(`docker ${args.slice(0, 2).join(' ')} ended with ${status}: ${stderr}${stdout}`));
    });
  });
}

/** Starts a container and returns its id. @param args options, then the image and its command */
export function startContainer(place: Place, args: readonly string[]): Promise<string> {
  const { label, network } = place;
  return docker(['run', '--detach', '--label', label, '--network', network, ...args]);
}

/** What a container printed, both streams in their order. */
export function dockerLogs(container: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('docker', ['logs', container], { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (part: string) => (text += part));
    child.on('error', reject);
    child.on('close', () => resolve(text));
  });
}

/** Removes what a test made at the engine: its containers and network, and the images of its registry. */
export async function removeAll(label: string, registry: string): Promise<void> {
  const list = async (...args: string[]) => [...new Set((await docker(args)).split('\n').filter(Boolean))];
  const containers = await list('ps', '--all', '--quiet', '--filter', `label=${label}`);
  if (containers.length > 0) await docker(['rm', '--force', '--volumes', ...containers]);
  const networks = await list('network', 'ls', '--quiet', '--filter', `label=${label}`);
  if (networks.length > 0) await docker(['network', 'rm', ...networks]);
  const images = await list('image', 'ls', '--quiet', '--filter', `reference=${registry}/*`);
  if (images.length > 0) await docker(['image', 'rm', '--force', ...images]);
}
