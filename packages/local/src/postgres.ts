import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';
import { postgresBinaries } from './postgres-binaries.ts';
import { NOBODY, unprivileged } from './unprivileged.ts';

export interface Postgres {
  port: number;
  /** Connection URL of the superuser, for the database `postgres`. */
  url: string;
  /** Stops it as an operator would (fast shutdown: connections are cut, nothing is lost). */
  stop: () => Promise<void>;
  /** Kills every process of it at once, as a crash would. */
  kill: () => Promise<void>;
  /** Resolves, to how it was, when it ends without having been stopped or killed through this object. */
  died: Promise<string>;
}

/** For a database of development on one machine: small, reachable over loopback alone, quick to start. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '100',
  shared_buffers: '256MB',
  max_wal_size: '2GB',
  log_min_messages: 'warning',
  wal_level: 'minimal',
  max_wal_senders: '0',
};

/** How long what is left of a killed server gets to end, in milliseconds. */
const LEFTOVER_MS = 10_000;

/**
 * Starts the real PostgreSQL on 127.0.0.1; makes the cluster at first use, and recovers from whatever ended it before.
 *
 * @param options.dataDir the cluster's folder
 * @param options.password of the superuser `postgres`; only used when the cluster is made
 * @param options.port any free one by default
 * @param options.fsync false is for tests: a crash of the machine, though not of Postgres, may spoil the cluster
 */
export async function startPostgres(options: {
  dataDir: string;
  password: string;
  port?: number | undefined;
  fsync?: boolean | undefined;
}): Promise<Postgres> {
  const { dataDir, password, fsync = true } = options;
  const binaries = postgresBinaries();
  if (existsSync(join(dataDir, 'PG_VERSION'))) await stopLeftover(dataDir);
  else await initialise(binaries.initdb, dataDir, password);

  const port = options.port ?? (await freePort());
  const settings = { ...SETTINGS, port: String(port), fsync: fsync ? 'on' : 'off' };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const command = unprivileged(binaries.postgres, ['-D', dataDir, ...args], dataDir);
  const server = await untilStarted(command);
  const ended = new Promise<void>((resolve) => void server.once('exit', resolve));
  let asked = false;
  return {
    port,
    url: `postgres://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`,
    stop() {
      asked = true;
      server.stdin?.end();
      return ended;
    },
    kill() {
      asked = true;
      const pid = postmaster(dataDir);
      if (pid !== undefined) for (const one of [pid, ...children(pid)]) signalTo(one, 'SIGKILL');
      return ended;
    },
    died: new Promise((resolve) => {
      server.once('exit', (code) => asked || resolve(`exited with status ${code}`));
    }),
  };
}

/** Tries again while a backend of a killed server, busy with its last statement, still holds on to the cluster. */
async function untilStarted(command: [string, string[]]): Promise<ChildProcess> {
  const deadline = performance.now() + LEFTOVER_MS;
  for (;;) {
    const server = spawnWithParent(...command);
    try {
      await untilReady(server);
      return server;
    } catch (error) {
      const isHeld = (error as Error).message.includes('pre-existing shared memory block');
      if (!isHeld || performance.now() > deadline) throw error;
      await sleep(200);
    }
  }
}

/**
 * Runs the server in a process group of its own, so that Ctrl-C reaches the services first, under a shell that stops
 * it when our end of the pipe closes: so it ends with us however we end, `kill -9` included.
 */
function spawnWithParent(command: string, args: string[]): ChildProcess {
  const script =
    '"$@" & server=$!; (read -r _; kill -INT $server) <&3 & wait $server; code=$?; kill $! 2>/dev/null; exit $code';
  return spawn('sh', ['-c', `exec 3<&0; ${script}`, 'postgres', command, ...args], {
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
}

async function initialise(initdb: string, dataDir: string, password: string): Promise<void> {
  // A cluster that was not finished is made anew: only a complete one gets its final name.
  const draft = `${dataDir}.new`;
  const passwordFile = `${dataDir}.password`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true, mode: 0o700 });
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (process.getuid?.() === 0) for (const path of [draft, passwordFile]) chownSync(path, NOBODY, NOBODY);
  const args = [
    '-D',
    draft,
    '--username',
    'postgres',
    '--pwfile',
    passwordFile,
    '--auth',
    'scram-sha-256',
    '--no-sync',
  ];
  args.push(
    '--encoding',
    'UTF8',
    '--locale',
    'C',
    '--locale-provider',
    'builtin',
    '--builtin-locale',
    'C.UTF-8',
  );
  const [command, commandArgs] = unprivileged(initdb, args, draft);
  await promisify(execFile)(command, commandArgs).catch((error: Error & { stderr?: string }) => {
    throw new Error(`initdb failed: ${error.stderr || error.message}`, { cause: error });
  });
  rmSync(passwordFile);
  renameSync(draft, dataDir);
}

async function untilReady(server: ChildProcess): Promise<void> {
  let log = '';
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.once('exit', (code) =>
      reject(new Error(`Postgres did not start (status ${code}): ${log.trim()}`)),
    );
    server.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-4_000);
      if (log.includes('ready to accept connections')) resolve();
    });
  });
  server.removeAllListeners('exit');
}

/** Stops a server that outlived whoever started it: orderly if it can, at once if it cannot. */
async function stopLeftover(dataDir: string): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    const pid = postmaster(dataDir);
    if (pid !== undefined) signalTo(pid, signal);
    const deadline = performance.now() + LEFTOVER_MS;
    while (postmaster(dataDir) !== undefined && performance.now() < deadline) await sleep(50);
  }
  const pid = postmaster(dataDir);
  if (pid !== undefined) throw new Error(`Postgres runs on ${dataDir} already, as process ${pid}: end it`);
  // A dead server's file names a process id that another program may have by now; Postgres would not start for it.
  rmSync(join(dataDir, 'postmaster.pid'), { force: true });
}

/** The process id of the server that runs on this cluster, if one does; the file alone may be a dead one's. */
function postmaster(dataDir: string): number | undefined {
  const file = join(dataDir, 'postmaster.pid');
  if (!existsSync(file)) return undefined;
  const pid = Number(readFileSync(file, 'utf8').split('\n', 1)[0]);
  return ps(['-o', 'args=', '-p', String(pid)]).includes(dataDir) ? pid : undefined;
}

function children(pid: number): number[] {
  const rows = ps(['-A', '-o', 'pid=,ppid='])
    .split('\n')
    .map((row) => row.trim().split(/\s+/).map(Number));
  return rows.flatMap(([child, parent]) => (parent === pid && child !== undefined ? [child] : []));
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function ps(args: string[]): string {
  try {
    return execFileSync('ps', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch (error) {
    if ((error as { status?: number }).status === 1) return ''; // No process matches.
    throw error;
  }
}
