import { type Environment, environmentFile } from '../../test/support/cloudformation/environment.ts';
import { billOf, type Line, total } from './costs/bill.ts';
import { PRICE_LIST, PRICES } from './costs/prices.ts';
import { KEEPING, LOADING, READING, RELEASING, type Use } from './costs/usage.ts';

const ENVIRONMENTS = ['dev', 'staging', 'production'] as const satisfies Environment[];

/** Environments that the switches are priced in: staging is production made small. */
const PRICED = ['dev', 'production'] as const satisfies Environment[];

/** Switches, each with the values that it is priced at; some only mean something together. */
const SWITCHES: readonly Record<string, string>[][] = [
  [{ NatMode: 'none' }, { NatMode: 'single' }, { NatMode: 'per-az' }],
  [{ ZoneCount: '2' }, { ZoneCount: '3' }],
  [{ Capacity: 'fargate' }, { Capacity: 'fargate-spot' }, { Capacity: 'ec2' }],
  [{ Architecture: 'ARM64' }, { Architecture: 'X86_64' }],
  [{ ApiMinTasks: '1' }, { ApiMinTasks: '2' }, { ApiMinTasks: '3' }],
  [
    { ApiCpu: '256', ApiMemory: '512' },
    { ApiCpu: '512', ApiMemory: '1024' },
    { ApiCpu: '1024', ApiMemory: '2048' },
  ],
  [{ WorkerMinTasks: '0' }, { WorkerMinTasks: '1' }, { WorkerMinTasks: '2' }],
  [
    { WorkerCpu: '256', WorkerMemory: '512' },
    { WorkerCpu: '512', WorkerMemory: '1024' },
    { WorkerCpu: '1024', WorkerMemory: '2048' },
  ],
  [
    { DatabaseEngine: 'rds' },
    ...['0', '0.5', '1', '2'].map((DatabaseMinCapacity) => ({
      DatabaseEngine: 'aurora-serverless',
      DatabaseMinCapacity,
    })),
  ],
  ['db.t4g.micro', 'db.t4g.small', 'db.t4g.medium', 'db.m7g.large', 'db.m7g.xlarge'].map(
    (DatabaseInstanceClass) => ({ DatabaseInstanceClass }),
  ),
  [{ DatabaseMultiAz: 'false' }, { DatabaseMultiAz: 'true' }],
  [{ DatabaseStorageGiB: '20' }, { DatabaseStorageGiB: '100' }, { DatabaseStorageGiB: '500' }],
  [{ ContainerInsights: 'disabled' }, { ContainerInsights: 'enabled' }, { ContainerInsights: 'enhanced' }],
  [{ DeploymentStrategy: 'rolling' }, { DeploymentStrategy: 'blue-green' }, { DeploymentStrategy: 'canary' }],
];

/** What an environment costs, part by part and switch by switch, made from the templates and the environments' files. */
export function costsDocument(): string {
  return `# Costs

Made by \`npm run docs\`: from the templates in \`infra/\`, the files in \`infra/environments/\`, and the prices in
\`scripts/docs/costs/prices.ts\`. US dollars, ${PRICE_LIST.region}, on demand, as known in ${PRICE_LIST.date}; without tax, free
tiers and savings plans. **Prices change: check them** at <https://calculator.aws>, correct the table, run it again.

## A month in which nothing happens

With the fewest tasks that scaling may leave.

${bills()}

Rough are Container Insights, whose metrics AWS counts, and Spot, whose price moves. An environment begins with three api
tasks and two workers; scaling takes away what is too much within the hour. A \`db.t4g\` class may use a tenth to a fifth of its
CPUs all the time and is charged ${dollars(PRICES.databaseBurst.dollars)} an hour for each CPU beyond. AWS's free tier would take off ten metrics of alarms and
three dashboards an account.

## What work adds

${usage('A GB of CSV, loaded', LOADING)}

${usage('A GB of CSV, kept for a month', KEEPING)}

${usage('A million pages of 100 rows', READING)}

${usage('A release through the pipeline', RELEASING)}

Loading is nearly free; keeping and sending out are not. A workload that keeps everything pays for Postgres above all:
delete datasets that nobody reads.

## What each switch changes

Dollars a month against the environment as it is filed, everything else left as it is.

${switches()}

Aurora's storage comes on top, ${dollars(PRICES.auroraStorage.dollars)} a GB and month and ${dollars(PRICES.auroraRequests.dollars)} for a million reads and writes of
it. With a least capacity of 0 the figure holds while nobody is connected; awake, a unit is ${dollars(PRICES.auroraCapacity.dollars)} an hour.

These cost something only by what passes through them:

| switch | costs |
| --- | --- |
| \`FlowLogs\` | ${dollars(PRICES.logs.dollars)} a GB; the load balancer's health checks alone make about 1 GB a month (an estimate) |
| \`AccessLogs\` | about 10 ¢ a month, as each zone writes a file every five minutes, and 1 ¢ for a million requests |
| \`LogLevel\`, \`LogRetentionDays\` | ${dollars(PRICES.logs.dollars)} a GB taken in, ${dollars(PRICES.logStorage.dollars)} a GB and month kept |
| \`DatabaseBackupDays\` | nothing until backups are larger than the database, then ${dollars(PRICES.databaseBackup.dollars)} a GB and month |
| \`DeploymentStrategy\` | other than \`rolling\`, twice the api's tasks for the 10 to 20 minutes of a deployment |
| \`DatabaseRotationDays\`, \`CertificateArn\`, \`DeletionProtection\`, \`ExecuteCommand\` | nothing worth a line |
| the pipeline's stack | its images, about 2 GB at ${dollars(PRICES.imageStorage.dollars)} a month |

## What it cannot exceed

The tasks, if scaling stayed at its ceilings all month:

${ceilings()}

No ceiling bounds data to the Internet, logs, and what is stored: set an AWS budget with an alert.

## To pay less

- **dev:** take it down when nobody works (\`npm run teardown\`), which leaves the images and nothing that costs by the hour.
- **No NAT is not cheaper:** \`NatMode: none\` needs interface endpoints in every zone, which cost more than a NAT gateway. It is
  for networks that may not have a way out.
- **Container Insights** is the easiest to leave out: no alarm and no scaling here needs it.
- **Production for a year or more:** a Compute Savings Plan for the tasks that always run, a reserved instance for the
  database. Spot for workers (\`Capacity: fargate-spot\`) costs them time, and nothing else.
- **Small production:** two zones, one NAT gateway, a \`db.t4g.medium\` in two zones.

## Prices used

| | US$ | per |
| --- | --- | --- |
${Object.values(PRICES)
  .map(({ what, dollars: price, per }) => `| ${what} | ${price} | ${per} |`)
  .join('\n')}
`;
}

function bills(): string {
  const columns = ENVIRONMENTS.map((environment) => billOf(environment));
  const names = [...new Set(columns.flatMap((lines) => lines.map(({ what }) => what)))];
  const cell = (line: Line | undefined) =>
    line ? `${line.size === '' ? '' : `${line.size}: `}${money(line.dollars)}` : '';
  const rows = names.map((name) =>
    [name].concat(columns.map((lines) => cell(lines.find(({ what }) => what === name)))),
  );
  const sums = columns.map((lines) => `**${money(total(lines))}**`);
  return table(['', ...ENVIRONMENTS], [...rows, ['**a month**', ...sums]]);
}

function usage(title: string, uses: readonly Use[]): string {
  const sum = uses.reduce((all, use) => all + use.dollars, 0);
  const rows = uses.map((use) => [use.what, use.from, small(use.dollars)]);
  return table([title, '', 'US$'], [...rows, ['**together**', '', `**${small(sum)}**`]]);
}

function switches(): string {
  const rows = SWITCHES.flatMap((values) => {
    const names = [...new Set(values.flatMap((value) => Object.keys(value)))];
    return values.map((value, index) => {
      const changes = PRICED.map((environment) => {
        const filed = environmentFile(environment).Parameters;
        if (Object.entries(value).every(([name, each]) => filed[name] === each)) return 'as filed';
        return signed(total(billOf(environment, value)) - total(billOf(environment)));
      });
      return [index === 0 ? code(names) : '', code(Object.values(value)), ...changes];
    });
  });
  return table(['switch', 'value', ...PRICED], rows);
}

function ceilings(): string {
  const rows = (['api', 'worker'] as const).map((service) => {
    const name = service === 'api' ? 'Api' : 'Worker';
    const most = ENVIRONMENTS.map((environment) => {
      const max = environmentFile(environment).Parameters[`${name}MaxTasks`] ?? '1';
      const line = billOf(environment, { [`${name}MinTasks`]: max }).find(({ what }) =>
        what.endsWith(service),
      );
      return line ? `${line.size}: ${money(line.dollars)}` : 'the instances';
    });
    return [`Tasks of the ${service}`].concat(most);
  });
  return table(['', ...ENVIRONMENTS], rows);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const code = (words: readonly string[]): string => words.map((word) => `\`${word}\``).join(', ');

const money = (value: number): string => value.toFixed(2);

const dollars = (value: number): string => `$${value.toFixed(value < 0.1 ? 3 : 2)}`;

const small = (value: number): string => value.toFixed(value < 0.01 ? 5 : 2);

function signed(value: number): string {
  if (Math.abs(value) < 0.005) return '0';
  return `${value > 0 ? '+' : '−'}${money(Math.abs(value))}`;
}
