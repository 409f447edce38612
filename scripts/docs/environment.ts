import type { TObject } from 'typebox';
import { configSchema as api } from '../../services/api/src/config.ts';
import { configSchema as migrate } from '../../services/migrate/src/config.ts';
import { configSchema as worker } from '../../services/worker/src/config.ts';

const SERVICES: Record<string, TObject> = { api, worker, migrate };

interface Setting {
  description?: string;
  default?: string | number;
  type?: string;
  enum?: string[];
  minimum?: number;
  maximum?: number;
}

/** One table of every setting, made from the schemas that read them. */
export function environmentDocument(): string {
  const rows = new Map<string, string[]>();
  for (const [service, { properties, required = [] }] of Object.entries(SERVICES)) {
    for (const [name, schema] of Object.entries(properties)) {
      const row = describe(name, schema, (required as string[]).includes(name));
      rows.set(row, [...(rows.get(row) ?? []), service]);
    }
  }
  const lines = [...rows].map(([row, users]) => row.replace('<users>', users.join(', ')));
  return `# Environment

Made from the schemas in \`services/*/src/config.ts\` by \`npm run docs\`. An empty variable counts as unset. Every
problem is reported at once, and the process exits before it listens.

| variable | read by | default | values | what it is |
| --- | --- | --- | --- | --- |
${lines.join('\n')}

Region, credentials and endpoints of AWS are the SDK's own: on ECS the task role gives the credentials; elsewhere
\`AWS_ACCESS_KEY_ID\`, \`AWS_SECRET_ACCESS_KEY\`, and \`AWS_ENDPOINT_URL\` or \`AWS_ENDPOINT_URL_S3\`, \`_SQS\`, \`_DYNAMODB\`,
\`_SECRETS_MANAGER\`. They are what differs between the embedded stack, LocalStack and AWS.

\`NODE_EXTRA_CA_CERTS\`, Node's own, names a file with more authorities for \`DATABASE_TLS=verify-full\` to believe. Amazon
RDS's are in the programs, but for those of ap-east-2, ap-southeast-5, ap-southeast-7, ca-west-1, il-central-1, mx-central-1,
GovCloud and China.

\`ECS_AGENT_URI\` is set by ECS: where a worker asks that its task not be stopped by scaling in or a deployment while it
works. Its task role needs \`ecs:UpdateTaskProtection\` for that.

\`npm start\` reads \`PORT\`, \`ADMIN_PORT\` (the api's; the workers take the ports after it) and \`WORKERS\`, and passes every
other variable on to the services, except those it sets itself for a terminal: \`DRAIN_MS\`, \`POLL_WAIT_SECONDS\`,
\`NODE_COMPILE_CACHE\`, and for workers \`NODE_OPTIONS\` and two settings of
glibc's allocator (\`services/worker/src/process-environment.ts\`).
`;
}

function describe(name: string, setting: Setting, required: boolean): string {
  const preset = setting.default === undefined ? (required ? '**needed**' : '') : `\`${setting.default}\``;
  const about = (setting.description ?? '').replaceAll('|', String.raw`\|`);
  return `| \`${name}\` | <users> | ${preset} | ${values(setting)} | ${about} |`;
}

function values({ type, enum: choices, minimum, maximum }: Setting): string {
  if (choices) return choices.map((choice) => `\`${choice}\``).join(', ');
  if (type !== 'integer') return 'text';
  return `${minimum?.toLocaleString('en-US') ?? ''} to ${maximum?.toLocaleString('en-US') ?? '…'}`;
}
