import { migrationsDir } from '@stowage/datasets';
import { connectionSource, migrate } from '@stowage/postgres';
import { createAwsClients, startProcess } from '@stowage/runtime';
import { readConfig } from './config.ts';

await startProcess({
  service: 'migrate',
  readConfig,
  stopDeadlineMs: () => 10_000,
  async start({ config, log, onStop, finish }) {
    const aws = createAwsClients();
    onStop('aws clients', aws.close);
    const connection = await connectionSource(config, aws.secretsManager).current();
    const run = await migrate({ connection, dir: migrationsDir, log });
    log.info({ run }, run.length > 0 ? 'database migrated' : 'database is up to date');
    finish();
  },
});
