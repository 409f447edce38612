/*
 * `npm run measure:images`: measures the images against their budgets, in the containers that Compose runs, and writes
 * docs/images.md. Exits 1 when a budget is broken.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { compose, containerOf, docker } from './compose/docker.ts';
import { withStack } from './compose/project.ts';

const SERVICES = ['api', 'worker'] as const;
const STARTS = 10;
const IDLE_MS = 15_000;

const BUDGETS = { size: 15, start: 300, memory: 90 };

interface Figures {
  /** Megabytes (10^6) over the base image. */
  size: number;
  /** Milliseconds from the start of the process to the first 200 of /health, median. */
  start: number;
  starts: number[];
  /** Mebibytes that the container is charged for, page cache that can be dropped not counted. */
  memory: number;
  /** Mebibytes resident, with what is mapped of Node's own binary. */
  resident: number;
}

const base = /^ARG NODE_IMAGE=(.+)$/m.exec(readFileSync(path('Dockerfile.api'), 'utf8'))?.[1] ?? '';
const figures: Record<string, Figures> = {};

await withStack({ name: 'stowage-measure' }, async () => {
  await sleep(IDLE_MS);
  const memory = new Map(SERVICES.map((service) => [service, memoryOf(service)]));
  // What is timed is the process: it gets the database's address itself, and the machine to itself.
  compose('stop', '--timeout', '10');
  for (const service of SERVICES) {
    const starts = startsOf(service).map(Math.round);
    figures[service] = {
      size: (sizeOf(`stowage-${service}:local`) - sizeOf(process.env['NODE_IMAGE'] ?? base)) / 1e6,
      start: median(starts),
      starts,
      ...(memory.get(service) ?? { memory: NaN, resident: NaN }),
    };
  }
});

/** Of an even number of figures: between the two in the middle. */
function median(starts: number[]): number {
  const sorted = starts.toSorted((a, b) => a - b);
  const [low = NaN, high = NaN] = sorted.slice(sorted.length / 2 - 1);
  return Math.round((low + high) / 2);
}

const text = document();
console.log(text);
writeFileSync(path('docs/images.md'), text);
const broken = SERVICES.flatMap((service) =>
  (['size', 'start', 'memory'] as const)
    .filter((what) => !((figures[service]?.[what] ?? NaN) < BUDGETS[what]))
    .map((what) => `${service}: ${what} is ${figures[service]?.[what]}, not less than ${BUDGETS[what]}`),
);
if (broken.length > 0) {
  console.error(broken.join('\n'));
  process.exitCode = 1;
}

function sizeOf(image: string): number {
  return Number(docker(['image', 'inspect', '--format', '{{.Size}}', image]));
}

function memoryOf(service: string): { memory: number; resident: number } {
  const container = containerOf(service);
  const used = docker(['stats', '--no-stream', '--format', '{{.MemUsage}}', container]);
  const resident = docker(['exec', container, 'node', '-p', `fs.readFileSync('/proc/1/status', 'utf8')`]);
  return {
    memory: Number(/^([\d.]+)MiB/.exec(used)?.[1]),
    resident: Number(/VmRSS:\s+(\d+)/.exec(resident)?.[1]) / 1024,
  };
}

/** In a container like the service's, beside it, so that what is timed is the process and not Docker. */
function startsOf(service: string): number[] {
  const program = readFileSync(new URL('compose/time-starts.js', import.meta.url), 'utf8');
  const database = ['-e', 'DATABASE_SECRET_ID=', '-e', 'DATABASE_URL=postgres://nobody@127.0.0.1/none'];
  const command = ['node', '--input-type=module', '-', String(STARTS)];
  return JSON.parse(
    docker(['compose', 'run', '--rm', '-T', '--no-deps', ...database, service, ...command], {
      input: program,
    }),
  ) as number[];
}

function document(): string {
  const row = (name: string, value: (figures: Figures) => string, budget: string) =>
    `| ${name} | ${SERVICES.map((service) => value(figures[service] as Figures)).join(' | ')} | ${budget} |`;
  return `# What the images weigh

Written by \`npm run measure:images\`, which fails when a budget is broken.

| | api | worker | budget |
| --- | --- | --- | --- |
${row('over the base image, MB', ({ size }) => size.toFixed(1), `< ${BUDGETS.size}`)}
${row(`process start to \`/health\` 200, ms, median of ${STARTS}`, ({ start }) => String(start), `< ${BUDGETS.start}`)}
${row('… each, ms', ({ starts }) => starts.join(' '), '')}
${row('memory when idle, MiB', ({ memory }) => memory.toFixed(0), `< ${BUDGETS.memory}`)}
${row('… resident, MiB', ({ resident }) => resident.toFixed(0), '')}

Base image: \`${base}\`. In the containers of \`docker-compose.yml\`, ${process.arch}, ${cpus().length} CPUs: idle beside LocalStack and
Postgres; started ten times in one container, alone. Memory is what the container is charged for, as \`docker stats\` and ECS
show it; resident memory counts on top the pages of Node's own binary, which all containers share.

What keeps the figures low:

- one bundle a program, tree-shaken, and no \`node_modules\`;
- compiled code in the image (\`NODE_COMPILE_CACHE\`), without which a start takes a quarter longer;
- source maps of this repository's code only, since Node reads a file's whole map at each start: with the packages in it
  that took a second and 100 MB.
`;
}

function path(name: string): string {
  return fileURLToPath(new URL(`../${name}`, import.meta.url));
}
