import { randomUUID } from 'node:crypto';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, parse, resolve } from 'node:path';
import { describe, StowError, UsageError } from './errors.ts';
import { visible } from './text.ts';

/** Few enough to hold two or three in memory, enough that a system call each does not matter. */
const READ_BYTES = 256 * 1024;

/** A file of known length that can be read from its start as often as needed. */
export interface Source {
  /** As the user named it, safe to print. */
  label: string;
  /** For the dataset: without folder and extension. */
  name: string;
  bytes: number;
  read(): AsyncGenerator<Uint8Array>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Opens a file, or standard input for `-`. S3's POST needs the length in advance, so whatever has none (standard
 * input, a named pipe) is first copied to a temporary file.
 *
 * @throws UsageError when there is no such file, it is a directory, may not be read, or is empty
 */
export async function openSource(file: string, folder: string): Promise<Source> {
  if (file === '-') return await source('standard input', 'stdin', await spool(process.stdin));
  const path = resolve(folder, file);
  const name = parse(path).name;
  const label = visible(file);
  const handle = await openFile(path, label);
  const stats = await handle.stat();
  if (stats.isFile()) return await source(label, name, handle);
  if (!stats.isDirectory()) return await source(label, name, await spool(handle.createReadStream()));
  await handle.close();
  throw new UsageError(`${label} is a directory.`);
}

async function source(label: string, name: string, handle: FileHandle): Promise<Source> {
  const { size } = await handle.stat();
  if (size === 0) {
    await handle.close();
    throw new UsageError(`${label} is empty.`);
  }
  return {
    label,
    name,
    bytes: size,
    read: () => read(handle, size, label),
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

/** Exactly `size` bytes: what is appended meanwhile is left out, since the length is already promised. */
async function* read(handle: FileHandle, size: number, label: string): AsyncGenerator<Uint8Array> {
  for (let position = 0; position < size;) {
    const length = Math.min(READ_BYTES, size - position);
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(length), 0, length, position);
    if (bytesRead === 0) throw new StowError(`${label} became shorter while it was read.`);
    yield buffer.subarray(0, bytesRead);
    position += bytesRead;
  }
}

async function openFile(path: string, label: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new UsageError(`There is no file ${label}.`, { cause: error });
    if (code === 'EACCES' || code === 'EPERM')
      throw new UsageError(`${label} may not be read.`, { cause: error });
    throw error;
  }
}

/** The copy loses its name as soon as it is open: whatever ends this process, even SIGKILL, also frees its space. */
async function spool(input: AsyncIterable<Uint8Array>): Promise<FileHandle> {
  const path = join(tmpdir(), `stow-${randomUUID()}.csv`);
  const handle = await open(path, 'wx+', 0o600);
  try {
    await unlink(path);
    for await (const chunk of input) await handle.appendFile(chunk);
    return handle;
  } catch (error) {
    await handle.close();
    const place = `${tmpdir()} (set TMPDIR for another place)`;
    throw new StowError(`Cannot copy the input to ${place}: ${describe(error)}`, { cause: error });
  }
}
