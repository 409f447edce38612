import { Type } from 'typebox';

/** Settings of a process that works on datasets. */
export const datasetSettings = {
  BUCKET_NAME: Type.String({
    minLength: 3,
    description: 'bucket of the uploaded files (storage.yml, BucketName)',
  }),
  TABLE_NAME: Type.String({
    minLength: 1,
    description: 'DynamoDB table of the datasets (storage.yml, TableName)',
  }),
  QUEUE_URL: Type.String({ pattern: '^https?://', description: 'the load queue (storage.yml, QueueUrl)' }),
};
