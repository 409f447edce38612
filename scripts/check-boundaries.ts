/*
 * Who may import whom. Platform packages never import the domain, so that a fork can replace the domain and keep the
 * rest; nothing imports a service.
 */
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

const DOMAIN = ['datasets'];
const SERVICES = ['api', 'worker', 'migrate'];

/** Package → what it may not import. */
const FORBIDDEN: Record<string, string[]> = {
  'packages/runtime': [...DOMAIN, ...SERVICES, 'http', 'queue', 'postgres', 'local'],
  'packages/http': [...DOMAIN, ...SERVICES, 'queue', 'postgres', 'local'],
  'packages/queue': [...DOMAIN, ...SERVICES, 'http', 'postgres', 'local'],
  'packages/postgres': [...DOMAIN, ...SERVICES, 'http', 'queue', 'local'],
  'packages/local': [...DOMAIN, ...SERVICES, 'http', 'queue', 'postgres'],
  'packages/datasets': [...SERVICES, 'http', 'local'],
  'services/api': ['worker', 'migrate', 'local'],
  'services/worker': ['api', 'migrate', 'local', 'http'],
  'services/migrate': ['api', 'worker', 'local', 'http', 'queue'],
};

const IMPORT = /(?:from|import)\s*\(?\s*'(@stowage\/[\w-]+|\.\.?\/[^']*)(?:\/[\w-]+)?'/g;

const unknown = globSync('{packages,services}/*', { cwd: root })
  .filter((folder) => !(folder in FORBIDDEN))
  .map((folder) => `${folder} has no line in scripts/check-boundaries.ts: say there what it may not import`);

const forbiddenImports = Object.entries(FORBIDDEN).flatMap(([folder, forbidden]) =>
  globSync(`${folder}/src/**/*.ts`, { cwd: root }).flatMap((file) =>
    [...readFileSync(`${root}${file}`, 'utf8').matchAll(IMPORT)].flatMap(([, target = '']) => {
      const leavesPackage = target.startsWith('.') && leaves(file, target, folder);
      if (leavesPackage) return [`${file} reaches into another package by ${target}: import it by name`];
      const name = target.replace('@stowage/', '');
      return forbidden.includes(name) ? [`${file} imports ${target}, which ${folder} must not know`] : [];
    }),
  ),
);

function leaves(file: string, target: string, folder: string): boolean {
  return !new URL(target, `file:///${file}`).pathname.startsWith(`/${folder}/`);
}

const problems = [...unknown, ...forbiddenImports];
if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exit(1);
}
