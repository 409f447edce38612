export { startAdminServer, type AdminServer } from './admin-server.ts';
export { createAwsClients, createS3Client, isAwsUnavailable, type AwsClients } from './aws-clients.ts';
export { Choice, ConfigError, loadConfig } from './config.ts';
export { type ProcessContext, startProcess } from './lifecycle.ts';
export { listen, PortError, portError } from './listen.ts';
export { createLogger, type Logger } from './logger.ts';
export { createMetrics, type Registry } from './metrics.ts';
export { createSecret, SecretError, type Rotating } from './secrets.ts';
export { awsSettings, processSettings } from './settings.ts';
