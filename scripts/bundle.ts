/*
 * `node scripts/bundle.ts api|worker FOLDER`: what the image of a service holds. A bundle a program, the files that
 * programs read, and the licences of what is bundled.
 */
import { appendFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';
import { licences } from './bundle/licences.ts';
import { moduleFolders } from './bundle/module-folders.ts';
import { plainHttp } from './bundle/plain-http.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Folders that programs read, by where they look for them: see {@link moduleFolders}. */
const FOLDERS = {
  api: { migrations: 'packages/datasets/migrations', static: 'node_modules/@fastify/swagger-ui/static' },
  worker: { migrations: 'packages/datasets/migrations' },
};

const [service, folder] = process.argv.slice(2);
if ((service !== 'api' && service !== 'worker') || folder === undefined) {
  console.error('usage: node scripts/bundle.ts api|worker FOLDER');
  process.exit(2);
}

/** Every image can run the migrations: a deployment does it with the image that it is about to start. */
const programs = {
  main: `services/${service}/src/main.ts`,
  migrate: 'services/migrate/src/main.ts',
  healthcheck: 'scripts/bundle/healthcheck.ts',
  ...(service === 'worker' ? { 'encoder-thread': 'services/worker/src/encoder-thread.ts' } : {}),
};

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');

const modules: string[] = [];
for (const [name, source] of Object.entries(programs)) modules.push(...(await bundle(name, source)));
writeFileSync(join(folder, 'LICENSES'), licences(modules));

for (const [name, from] of Object.entries(FOLDERS[service])) {
  cpSync(join(root, from), join(folder, name), { recursive: true });
}

/**
 * Bundles a program into `NAME.js`, this repository’s code with a source map, and `NAME.….js`, the rest without.
 * Two files, since Node reads a file’s whole map, and measures every line of the file, at each start: in one file that
 * took a second and 100 MB, for lines that are nobody’s here.
 *
 * @returns the paths of the modules in it
 */
async function bundle(name: string, source: string): Promise<string[]> {
  const dir = join(String(folder), 'bin');
  const { output } = await build({
    cwd: root,
    input: { [name]: join(root, source) },
    platform: 'node',
    resolve: { mainFields: ['module', 'main'] },
    // A package of the workspace only declares: what a program does not use of it stays out, and so all that imports.
    treeshake: { moduleSideEffects: [{ test: /\/packages\//, sideEffects: false }] },
    plugins: [moduleFolders, plainHttp],
    output: {
      dir,
      format: 'esm',
      entryFileNames: '[name].js',
      chunkFileNames: `${name}.[name].js`,
      codeSplitting: { groups: [{ name: 'packages', test: /\/node_modules\/|rolldown\/runtime/ }] },
      comments: false,
      minify: { compress: false, mangle: false, codegen: true },
      sourcemap: 'hidden',
      sourcemapExcludeSources: true,
    },
  });
  for (const file of output) {
    if (file.type !== 'chunk') continue;
    if (file.isEntry)
      appendFileSync(join(dir, file.fileName), `\n//# sourceMappingURL=${file.fileName}.map\n`);
    else rmSync(join(dir, `${file.fileName}.map`), { force: true });
  }
  return output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []));
}
