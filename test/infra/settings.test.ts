import { expect, test } from 'vitest';
import { configSchema as apiSchema, readConfig as readApi } from '../../services/api/src/config.ts';
import {
  configSchema as migrateSchema,
  readConfig as readMigrate,
} from '../../services/migrate/src/config.ts';
import { configSchema as workerSchema, readConfig as readWorker } from '../../services/worker/src/config.ts';
import { containerOf } from './ecs.ts';
import { tasksOf } from './programs.ts';

const PROGRAMS = [
  { program: 'api', read: readApi, schema: apiSchema },
  { program: 'worker', read: readWorker, schema: workerSchema },
  { program: 'migrate', read: readMigrate, schema: migrateSchema },
] as const;

test.each(PROGRAMS)('$program accepts the settings that its task gives it', ({ program, read }) => {
  for (const { environment } of tasksOf(program)) expect(() => read(environment)).not.toThrow();
});

test.each(PROGRAMS)('$program has every setting that its task gives it', ({ program, schema }) => {
  const unknown = tasksOf(program).flatMap(({ where, properties }) => {
    const { Environment = [], Secrets = [] } = containerOf(properties);
    return [...Environment, ...Secrets]
      .filter(({ Name }) => !(Name in schema.properties))
      .map(({ Name }) => `${where} ${Name}`);
  });
  expect(unknown).toEqual([]);
});

test('programs run as in production, and believe no database without a certificate', () => {
  for (const { environment } of PROGRAMS.flatMap(({ program }) => tasksOf(program))) {
    expect(environment).toMatchObject({ NODE_ENV: 'production', DATABASE_TLS: 'verify-full' });
  }
});

// A task cannot take another password than the one it started with, so rotation would need a restart.
test('services read the database’s secret themselves', () => {
  for (const { properties, environment } of [...tasksOf('api'), ...tasksOf('worker')]) {
    expect(environment).toHaveProperty('DATABASE_SECRET_ID');
    expect(containerOf(properties).Secrets ?? []).toEqual([]);
  }
});

test('the api listens where the load balancer looks, and believes it alone', () => {
  for (const { properties, environment } of tasksOf('api')) {
    const { PORT, TRUSTED_PROXIES } = readApi(environment);
    expect(containerOf(properties).PortMappings?.map(({ ContainerPort }) => ContainerPort)).toContain(PORT);
    expect(TRUSTED_PROXIES).toBe(1);
  }
});
