import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { workerEnvironment } from '../../services/worker/src/process-environment.ts';
import { docker } from '../../scripts/compose/docker.ts';

const IMAGES = ['stowage-api:local', 'stowage-worker:local'];
const inImage = (image: string, script: string) =>
  docker([
    'run',
    '--rm',
    '--read-only',
    '--cap-drop=ALL',
    '--network=none',
    image,
    'node',
    '-p',
    script,
  ]).trim();

const LIST = `
  const walk = (folder) => fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? walk(folder + '/' + entry.name) : [folder + '/' + entry.name]);
  JSON.stringify(walk('/app'))`;

test.each(IMAGES)('%s holds the bundle, the files it reads and the licences, nothing else', (image) => {
  const files = JSON.parse(inImage(image, LIST)) as string[];
  const kinds = new Set(
    files.map((file) => file.replace(/^\/app\/(bin|cache|migrations|static)\/.*$/, '$1')),
  );
  const expected = ['/app/LICENSES', '/app/package.json', 'bin', 'cache', 'migrations'];
  expect([...kinds].toSorted()).toEqual(image.includes('api') ? [...expected, 'static'] : expected);
  const programs = files.filter((file) => file.startsWith('/app/bin/')).map((file) => file.slice(9));
  const own = image.includes('worker') ? ['encoder-thread'] : [];
  expect(programs.filter((name) => !/^(main|migrate)\d*\.[\w-]+\.js$/.test(name)).toSorted()).toEqual(
    [...own, 'healthcheck', 'main', 'migrate'].flatMap((name) => [`${name}.js`, `${name}.js.map`]),
  );
});

test.each(IMAGES)('the source maps of %s hold positions, no source', (image) => {
  const map = JSON.parse(inImage(image, `fs.readFileSync('bin/main.js.map', 'utf8')`)) as {
    sources: string[];
    sourcesContent?: unknown[];
  };
  expect(map.sourcesContent?.some(Boolean) ?? false).toBe(false);
  expect(
    map.sources.some((source) =>
      source.endsWith('services/' + (image.includes('api') ? 'api' : 'worker') + '/src/main.ts'),
    ),
  ).toBe(true);
});

test.each(IMAGES)('%s names the licence of every package it bundles', (image) => {
  const licences = inImage(image, `fs.readFileSync('LICENSES', 'utf8')`);
  for (const name of ['@aws-sdk/client-s3', 'pg', 'pino', 'typebox'])
    expect(licences).toContain(`\n${name} `);
});

test.each(IMAGES)('%s tells what it was built from, and no secret', (image) => {
  const [{ Config }] = JSON.parse(docker(['image', 'inspect', image])) as [
    { Config: { Env: string[]; Labels: Record<string, string>; User: string } },
  ];
  expect(Config.User).toBe('1000:1000');
  expect(Config.Labels['org.opencontainers.image.revision']).toBe(process.env['GIT_SHA']);
  expect(Config.Labels['org.opencontainers.image.created']).toBe(process.env['BUILD_DATE']);
  const ours = Config.Env.map((line) => line.split('=')[0] ?? '').filter(
    (name) =>
      !['PATH', 'NODE_VERSION', 'YARN_VERSION', 'NODE_EXTRA_CA_CERTS', 'COREPACK_INTEGRITY_KEYS'].includes(
        name,
      ),
  );
  const shared = ['NODE_COMPILE_CACHE', 'NODE_ENV', 'NODE_OPTIONS', 'VERSION'];
  const own = image.includes('api')
    ? ['PORT']
    : ['MALLOC_ARENA_MAX', 'MALLOC_MMAP_THRESHOLD_', 'MALLOC_TRIM_THRESHOLD_'];
  expect(ours.toSorted()).toEqual([...shared, ...own].toSorted());
  const history = docker(['history', '--no-trunc', '--format', '{{.CreatedBy}}', image]);
  expect(history).not.toMatch(/password|secret|token|AWS_ACCESS|postgres:\/\//i);
});

test('the worker has the memory settings that it has everywhere', () => {
  for (const [name, value] of Object.entries(workerEnvironment)) {
    expect(inImage('stowage-worker:local', `process.env['${name}']`)).toContain(value);
  }
});

test.each(IMAGES)('%s runs the Node of .node-version', (image) => {
  const wanted = readFileSync(new URL('../../.node-version', import.meta.url), 'utf8').trim();
  expect(inImage(image, 'process.versions.node')).toBe(wanted);
});

test.each(IMAGES)('%s finds its code compiled', (image) => {
  // Without settings it ends by itself once it is loaded.
  const settings = ['-e', 'NODE_DEBUG_NATIVE=COMPILE_CACHE'];
  const load = `require('node:child_process').spawnSync('node', ['bin/main.js'], { encoding: 'utf8' }).stderr`;
  const output = docker([
    'run',
    '--rm',
    '--read-only',
    '--network=none',
    ...settings,
    image,
    'node',
    '-p',
    load,
  ]);
  for (const file of ['main.js', 'main.packages.js']) {
    expect(output).toContain(`V8 code cache for ESM file:///app/bin/${file} was accepted`);
  }
});

test.each(IMAGES)('a stack trace of %s shows TypeScript lines', (image) => {
  const settings = {
    AWS_REGION: 'us-east-1',
    BUCKET_NAME: 'bucket',
    TABLE_NAME: 'table',
    QUEUE_URL: 'http://127.0.0.1:1/queue',
    DATABASE_URL: 'postgres://nobody@127.0.0.1/none',
    AUTH_MODE: 'none',
  };
  const environment = Object.entries(settings).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const breaking = `import net from 'node:net'; net.Server.prototype.listen = () => { throw new Error('on purpose') }`;
  const program = ['node', '--import', `data:text/javascript,${encodeURIComponent(breaking)}`, 'bin/main.js'];
  const run = () => docker(['run', '--rm', '--network=none', ...environment, image, ...program]);
  expect(run).toThrow(/on purpose.*packages\/runtime\/src\/listen\.ts:\d+:\d+/s);
});
