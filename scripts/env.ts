/*
 * `npm run -s env`: what a shell needs to talk to the running stack, as `export` lines.
 *   eval "$(npm run -s env)" && aws s3 ls && psql "$DATABASE_URL"
 */
import { runningState } from './start/state.ts';

const state = runningState();
if (!state?.environment) {
  console.error('stowage: no embedded stack runs here. Start one with `npm start`.');
  process.exit(1);
}
const variables = {
  ...state.environment,
  AWS_DEFAULT_REGION: state.environment['AWS_REGION'],
  DATABASE_URL: state.databaseUrl,
  STOWAGE_URL: state.url,
};
for (const [name, value] of Object.entries(variables)) {
  console.log(`export ${name}='${String(value).replaceAll("'", String.raw`'\''`)}'`);
}
