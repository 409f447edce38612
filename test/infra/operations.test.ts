import { existsSync, globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { resources } from './templates.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const guide = readFileSync(`${root}docs/operations.md`, 'utf8');
const rows = guide.split('\n').filter((line) => line.startsWith('| '));

test('docs/operations.md has every alarm, and no other', () => {
  const names = resources('AWS::CloudWatch::Alarm').map(({ resource }) => {
    const { AlarmName } = resource.Properties as { AlarmName: { 'Fn::Sub': string } };
    return AlarmName['Fn::Sub'].replace('stowage-${Environment}-', '');
  });
  const section = guide.slice(guide.indexOf('## Alarms'), guide.indexOf('## Lines of the log'));
  const first = section.split('\n').flatMap((line) => /^\| (`.*?) \|/.exec(line)?.[1] ?? []);
  const told = first.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name));
  expect(new Set(told)).toEqual(new Set(names));
});

test('docs/operations.md has every line that is logged above info, at its level', () => {
  const missing: string[] = [];
  let found = 0;
  for (const file of globSync('{packages,services}/*/src/**/*.ts', { cwd: root })) {
    const source = readFileSync(`${root}${file}`, 'utf8');
    for (const [, level = '', rest = ''] of source.matchAll(
      /\blog\.(warn|error|fatal)\(((?:(?!\blog\.)[^;])*)/g,
    )) {
      // The last text is the message; a line without one passes on what another has said.
      const message = [...rest.matchAll(/'([^']+)'/g)].at(-1)?.[1];
      if (message === undefined) continue;
      found++;
      if (!rows.some((row) => row.startsWith(`| ${level} |`) && row.includes(`\`${message}\``)))
        missing.push(`${level}: ${message} (${file})`);
    }
  }
  expect(missing).toEqual([]);
  expect(found).toBeGreaterThan(15);
});

test('every file that docs/operations.md links to is there', () => {
  const links = [...guide.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map(([, path = '']) => path);
  expect(links.filter((path) => !existsSync(`${root}docs/${path}`))).toEqual([]);
});
