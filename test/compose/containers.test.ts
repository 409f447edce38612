import { expect, test } from 'vitest';
import { compose, containerOf, docker } from '../../scripts/compose/docker.ts';

const SERVICES = ['api', 'worker'];
const node = (service: string, script: string) =>
  docker(['exec', containerOf(service), 'node', '-p', script]).trim();

test.each(SERVICES)('%s runs without root, capabilities and new privileges', (service) => {
  const status = node(service, `fs.readFileSync('/proc/1/status', 'utf8')`);
  expect(status).toMatch(/^Uid:\t1000\t1000\t1000\t1000$/m);
  expect(status).toMatch(/^Gid:\t1000\t1000\t1000\t1000$/m);
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
    expect(status).toMatch(new RegExp(`^${set}:\t0+$`, 'm'));
  expect(status).toMatch(/^NoNewPrivs:\t1$/m);
});

test.each(SERVICES)('node is PID 1 of %s, with no shell around it', (service) => {
  expect(node(service, `fs.readFileSync('/proc/1/cmdline', 'utf8').split('\\0').join(' ')`)).toBe(
    'node bin/main.js',
  );
});

test.each(SERVICES)('%s can write to /tmp and nowhere else', (service) => {
  const attempt = (folder: string) =>
    node(
      service,
      `try { fs.writeFileSync('${folder}/x', ''); fs.rmSync('${folder}/x'); 'written' } catch ({ code }) { code }`,
    );
  expect(attempt('/tmp')).toBe('written');
  expect(['/app', '/app/cache', '/home/node', '/var/tmp', '/'].map(attempt)).toEqual(Array(5).fill('EROFS'));
});

test.each([...SERVICES, 'migrate'])('every line that %s logs is JSON and names the version', (service) => {
  const lines = docker(['logs', containerOf(service)])
    .split('\n')
    .filter(Boolean);
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) {
    expect(JSON.parse(line)).toMatchObject({
      version: process.env['GIT_SHA'],
      level: expect.any(String),
      time: expect.stringMatching(/Z$/),
      msg: expect.any(String),
    });
  }
});

test('the metrics name the version', async () => {
  const answer = await fetch(`http://localhost:${process.env['ADMIN_PORT']}/metrics`);
  expect(await answer.text()).toContain(`version="${process.env['GIT_SHA']}"`);
});

test('ports are open to this machine only', () => {
  for (const service of ['api', 'localstack']) {
    const [{ NetworkSettings }] = JSON.parse(docker(['inspect', containerOf(service)])) as [
      { NetworkSettings: { Ports: Record<string, { HostIp: string }[] | null> } },
    ];
    const hosts = Object.values(NetworkSettings.Ports).flatMap((bindings) =>
      (bindings ?? []).map(({ HostIp }) => HostIp),
    );
    expect(new Set(hosts)).toEqual(new Set(['127.0.0.1']));
  }
});

test('a second run of the migrations finds nothing to do', () => {
  const output = compose('run', '--rm', '-T', '--no-deps', 'migrate');
  expect(output).toContain('database is up to date');
});

test('the worker’s image runs the migrations as well', () => {
  const output = compose('run', '--rm', '-T', '--no-deps', 'worker', 'node', 'bin/migrate.js');
  expect(output).toContain('database is up to date');
});
