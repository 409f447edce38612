import { Type } from 'typebox';
import { Choice } from './config.ts';

/** Settings that every process of the application has. */
export const processSettings = {
  NODE_ENV: Choice(['development', 'test', 'production'], {
    default: 'development',
    description: 'production makes the safe choice the default: OIDC authentication, a drain delay',
  }),
  LOG_LEVEL: Choice(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
    default: 'info',
    description: 'least severe level that is logged',
  }),
  VERSION: Type.String({
    default: 'development',
    description: 'what runs here, in logs and metrics; images set it to the git SHA',
  }),
  ADMIN_HOST: Type.String({
    default: '0.0.0.0',
    description: 'interface the admin server listens on',
  }),
  ADMIN_PORT: Type.Integer({
    default: 9464,
    minimum: 0,
    maximum: 65_535,
    description:
      'port of /metrics (and the worker’s /health), which no load balancer reaches; 0 takes a free one',
  }),
};

/** Settings of a process that talks to AWS; credentials and endpoints are the SDK's own variables. */
export const awsSettings = {
  AWS_REGION: Type.String({
    minLength: 1,
    description: 'region of the bucket, the table, the queue and the secret',
  }),
};
