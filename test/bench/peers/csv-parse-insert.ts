/*
 * What one would write first: sqs-consumer takes a message, csv-parse reads the file from S3, and rows go to Postgres by
 * INSERT, a thousand at a time, in one transaction. Run with the URL of a queue; each message's body is a key, and a line
 * is printed when its file is loaded.
 */
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { parse } from 'csv-parse';
import { Client } from 'pg';
import { Consumer } from 'sqs-consumer';
import type { Readable } from 'node:stream';

const [queueUrl = '', bucket = '', table = '', columns = ''] = process.argv.slice(2);
const ROWS = 1_000;
const width = columns.split(',').length;
const insert = (rows: number) =>
  `INSERT INTO ${table} VALUES ${Array.from(
    { length: rows },
    (_, row) => `(${Array.from({ length: width }, (__, cell) => `$${row * width + cell + 1}`).join(',')})`,
  ).join(',')}`;

const s3 = new S3Client({});
const client = new Client(process.env['DATABASE_URL']);
await client.connect();
const full = { name: 'full', text: insert(ROWS) };

const consumer = Consumer.create({
  queueUrl,
  sqs: new SQSClient({}),
  waitTimeSeconds: 1,
  visibilityTimeout: 600,
  async handleMessage(message) {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: message.Body ?? '' }));
    await client.query('BEGIN');
    let values: string[] = [];
    for await (const record of (Body as Readable).pipe(parse({ from: 2 }))) {
      values.push(...(record as string[]));
      if (values.length < ROWS * width) continue;
      await client.query({ ...full, values });
      values = [];
    }
    if (values.length > 0) await client.query(insert(values.length / width), values);
    await client.query('COMMIT');
    console.log('loaded');
    return message;
  },
});
consumer.on('error', (error) => console.error(error));
consumer.on('processing_error', (error) => console.error(error));
consumer.start();
console.log('started');
