export const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local-secret' };
