import { applicationGrants, migrationsDir } from '@stowage/datasets';
import { connectionSource, createRoles, grantRights, migrate, parseLogin } from '@stowage/postgres';
import { createAwsClients, startProcess } from '@stowage/runtime';
import { type Config, readConfig } from './config.ts';

await startProcess({
  service: 'migrate',
  readConfig,
  stopDeadlineMs: () => 10_000,
  async start({ config, log, onStop, finish }) {
    const aws = createAwsClients();
    onStop('aws clients', aws.close);
    const connection = await connectionSource(config, aws.secretsManager).current();
    const application = loginFrom(config, 'DATABASE_APPLICATION');
    const admin = loginFrom(config, 'DATABASE_ADMIN');
    if (admin) {
      const made = await createRoles({ connection, admin, application });
      log.info({ made }, made.length > 0 ? 'roles made' : 'roles are there');
    }
    const run = await migrate({ connection, dir: migrationsDir, log });
    if (application) await grantRights({ connection, role: application.user, grants: applicationGrants });
    log.info({ run }, run.length > 0 ? 'database migrated' : 'database is up to date');
    finish();
  },
});

function loginFrom(config: Config, name: 'DATABASE_ADMIN' | 'DATABASE_APPLICATION') {
  const text = config[name];
  return text === undefined ? undefined : parseLogin(text, name);
}
