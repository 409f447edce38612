import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

export interface Version {
  secretString?: string;
  /** Base64. */
  secretBinary?: string;
  /** Seconds since 1970. */
  createdAt: number;
  /** Staging labels: each is on one version of a secret at most. */
  stages: string[];
}

export interface Secret {
  name: string;
  arn: string;
  description?: string;
  tags?: { Key: string; Value: string }[];
  /** Seconds since 1970. */
  createdAt: number;
  /** Seconds since 1970. */
  changedAt: number;
  /** By version id. */
  versions: Record<string, Version>;
}

export interface SecretStore {
  /** By name. */
  secrets: Map<string, Secret>;
  /** To be called after each change. */
  save: () => void;
}

/** All secrets in one file, replaced as a whole: a `kill -9` leaves the old one or the new one. */
export function openSecretStore(path: string | undefined): SecretStore {
  if (path === undefined) return { secrets: new Map(), save: () => {} };
  const secrets = new Map(read(path).map((secret) => [secret.name, secret]));
  const save = (): void => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.tmp`, JSON.stringify([...secrets.values()], undefined, 2), { mode: 0o600 });
    renameSync(`${path}.tmp`, path);
  };
  return { secrets, save };
}

function read(path: string): Secret[] {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Secret[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new Error(`Cannot read the secrets in ${path}: repair the file or delete it.`, { cause: error });
  }
}
