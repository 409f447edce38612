/*
 * Fails when a dependency has a known vulnerability of level high or above: `npm audit`, for registries that have its
 * endpoint. Some mirrors have not; that is said and tolerated. Nothing else is: not findings, and not a registry that
 * has the endpoint and does not answer.
 */
import { spawnSync } from 'node:child_process';

const LEVEL = 'high';
/** What a registry says that does not have the endpoint: unknown, wrong method, not implemented. */
const ABSENT = new Set([404, 405, 501]);

interface Report {
  /** Of npm's error, the registry's status. */
  statusCode?: number;
  auditReportVersion?: number;
  vulnerabilities?: Record<string, { severity: string; range: string; fixAvailable: unknown }>;
}

const npm = process.env['npm_execpath'];
const [command, ...before] = npm === undefined ? ['npm'] : [process.execPath, npm];
const { status, stdout, stderr } = spawnSync(
  command ?? 'npm',
  [...before, 'audit', `--audit-level=${LEVEL}`, '--json'],
  { encoding: 'utf8' },
);
const report = read(stdout);

if (report.auditReportVersion !== undefined) {
  const found = Object.entries(report.vulnerabilities ?? {});
  for (const [name, { severity, range }] of found) console.log(`${severity}: ${name} ${range}`);
  if (status !== 0) console.error(`\`npm audit\` has the details. Levels below ${LEVEL} are listed only.`);
  process.exitCode = status ?? 1;
} else if (ABSENT.has(report.statusCode ?? 0)) {
  console.warn(`NOT AUDITED: this registry has no audit endpoint (it answers ${report.statusCode}).`);
} else {
  console.error(`npm audit gave no report:\n${stderr}${stdout}`);
  process.exitCode = 1;
}

function read(text: string): Report {
  try {
    return JSON.parse(text) as Report;
  } catch {
    return {}; // What came instead is shown.
  }
}
