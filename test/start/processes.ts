import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface Process {
  pid: number;
  group: number;
  args: string;
}

/** Every process of this machine that runs; one that has ended but was not waited for does not. */
export function processes(): Process[] {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,pgid=,stat=,args='], { encoding: 'utf8' });
  return [...rows.matchAll(/^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/gm)]
    .filter(([, , , state = '']) => !state.startsWith('Z'))
    .map(([, pid, group, , args = '']) => ({ pid: Number(pid), group: Number(group), args }));
}

/** The addresses, such as `127.0.0.1:3000`, on which processes listen for TCP connections. */
export function listening(pids: number[]): string[] {
  return process.platform === 'linux' ? fromProc(pids) : fromLsof(pids);
}

function fromProc(pids: number[]): string[] {
  const sockets = new Set(pids.flatMap((pid) => openFiles(pid)));
  return ['tcp', 'tcp6'].flatMap((protocol) =>
    readFileSync(`/proc/net/${protocol}`, 'utf8')
      .split('\n')
      .map((row) => row.trim().split(/\s+/))
      .filter(([, , , state, , , , , , inode]) => state === '0A' && sockets.has(`socket:[${inode}]`))
      .map(([, local = '']) => readableAddress(local)),
  );
}

function openFiles(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((fd) => {
    try {
      return [readlinkSync(`${folder}/${fd}`)];
    } catch {
      return []; // It was closed in between.
    }
  });
}

/** `0100007F:0BB8` is 127.0.0.1:3000: bytes of an IPv4 address are the other way round. */
function readableAddress(local: string): string {
  const [address = '', port = ''] = local.split(':');
  const bytes = Buffer.from(address, 'hex');
  const readable = bytes.length === 4 ? [...bytes].toReversed().join('.') : address;
  return `${readable}:${Number.parseInt(port, 16)}`;
}

function fromLsof(pids: number[]): string[] {
  const args = ['-nP', '-a', '-iTCP', '-sTCP:LISTEN', '-p', pids.join(','), '-Fn'];
  const rows = execFileSync('lsof', args, { encoding: 'utf8' }).split('\n');
  return rows.filter((row) => row.startsWith('n')).map((row) => row.slice(1));
}
