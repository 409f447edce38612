import {
  type Direct,
  directDependencies,
  type Installed,
  runtimePackages,
} from './dependencies/manifests.ts';
import { REASONS } from './dependencies/reasons.ts';

/** Licences that let anyone pass the programs on, whatever is built on them. None of these asks to publish one's own code. */
const ALLOWED: Readonly<Record<string, string>> = {
  MIT: 'keep the notice',
  'Apache-2.0': 'keep the notice; grants patents',
  ISC: 'keep the notice',
  'BSD-2-Clause': 'keep the notice',
  'BSD-3-Clause': 'keep the notice; no use of names to advertise',
  'BlueOak-1.0.0': 'keep the notice or a link; grants patents',
  '0BSD': 'nothing',
};

/**
 * Every direct dependency with its reason, and the licences of all that is installed at run time.
 *
 * @throws for a dependency without a reason, a reason without a dependency, and a licence that is not allowed
 */
export function dependenciesDocument(): string {
  const direct = directDependencies();
  const runtime = runtimePackages();
  const problems = [...reasonProblems(direct), ...licenceProblems(runtime)];
  if (problems.length > 0) throw new Error(problems.join('\n'));

  const rows = [...direct];
  return `# Dependencies

Made by \`npm run docs\` from every \`package.json\`, \`scripts/docs/dependencies/reasons.ts\` and \`package-lock.json\`.
\`npm run check\` fails for a dependency without a reason and for a licence that is not allowed.

Versions are exact and in \`package.json\`. No package runs a script when it is installed (\`.npmrc\`). The images hold
only what the bundles reach, with the licences' texts beside them (\`scripts/bundle/licences.ts\`). How many lines
something would take is an estimate.

## At run time

${table(rows.filter(([, { runtime: users }]) => users.length > 0).map(([name, { runtime: users }]) => [name, users]))}

## For development

${table(rows.filter(([, { runtime: users }]) => users.length === 0).map(([name, { development: users }]) => [name, users]))}

## Licences

Of all ${runtime.length} packages that are installed without development dependencies, transitive ones included. What
\`local\` uses is among them, though no image holds it.

| licence | asks | packages |
| --- | --- | --- |
${licenceRows(runtime).join('\n')}
`;
}

function reasonProblems(direct: ReadonlyMap<string, Direct>): string[] {
  const unreasoned = [...direct.keys()].filter((name) => !(name in REASONS));
  const gone = Object.keys(REASONS).filter((name) => !direct.has(name));
  return [
    ...unreasoned.map(
      (name) => `${name} has no reason: say in scripts/docs/dependencies/reasons.ts why it is needed`,
    ),
    ...gone.map(
      (name) => `${name} is no dependency any more: take it out of scripts/docs/dependencies/reasons.ts`,
    ),
  ];
}

function licenceProblems(runtime: readonly Installed[]): string[] {
  return runtime
    .filter(({ licence }) => !(licence in ALLOWED))
    .map(
      ({ name, licence }) => `${name} is under ${licence}, which scripts/docs/dependencies.ts does not allow`,
    );
}

function table(rows: readonly (readonly [name: string, users: readonly string[]])[]): string {
  const lines = rows.map(([name, users]) => {
    const { why, without } = REASONS[name] ?? { why: '', without: '' };
    return `| \`${name}\` | ${users.join(', ')} | ${why} | ${without} |`;
  });
  return ['| package | used by | why | without it |', '| --- | --- | --- | --- |', ...lines].join('\n');
}

function licenceRows(runtime: readonly Installed[]): string[] {
  const groups = Object.entries(Object.groupBy(runtime, ({ licence }) => licence));
  return groups
    .toSorted(([, a = []], [, b = []]) => b.length - a.length)
    .map(([licence, packages = []]) => {
      const names = packages.map(({ name }) => name).toSorted((a, b) => (a < b ? -1 : 1));
      return `| ${licence} | ${ALLOWED[licence]} | ${names.length}: ${names.join(', ')} |`;
    });
}
