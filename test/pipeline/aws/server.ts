import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Fault } from './fault.ts';
import { answer, type Output, parseForm, refusal } from './query-protocol.ts';

/** The operations of a service, by name. Inputs and outputs are those of AWS's API. */
export type Service = Readonly<Record<string, (input: never) => unknown>>;

/** A request that the fake answered, as IAM would name it. */
export interface Call {
  service: string;
  operation: string;
  input: Record<string, unknown>;
  /** Access key of the caller, which tells who it was. */
  caller: string;
}

/** What begins `X-Amz-Target` of the services that speak JSON. */
const JSON_SERVICES: Readonly<Record<string, string>> = {
  AmazonEC2ContainerServiceV20141113: 'ecs',
  AmazonEC2ContainerRegistry_V20150921: 'ecr',
  AmazonSQS: 'sqs',
  CodeBuild_20161006: 'codebuild',
  CodePipeline_20150709: 'codepipeline',
  DynamoDB_20120810: 'dynamodb',
  Logs_20140328: 'logs',
  ResourceGroupsTaggingAPI_20170126: 'tagging',
  secretsmanager: 'secretsmanager',
};

/** Versions of the services that speak the query protocol, by which it tells them apart. */
const QUERY_SERVICES: Readonly<Record<string, string>> = {
  '2010-05-08': 'iam',
  '2010-05-15': 'cloudformation',
  '2011-01-01': 'autoscaling',
  '2014-10-31': 'rds',
  '2015-12-01': 'elasticloadbalancing',
};

/** A request that is neither of the two protocols: S3's. */
export interface RestRequest {
  method: string;
  url: URL;
  body: string;
}

/** Every bucket is there. */
const someBucket = ({ method }: RestRequest): [status: number, body: string] => [
  method === 'HEAD' ? 200 : 404,
  '',
];

/**
 * Starts one endpoint for all services, to be AWS_ENDPOINT_URL: JSON by `X-Amz-Target`, and the query protocol.
 *
 * @param options.hosts addresses to listen on, all at the same port
 * @param options.s3 answers all other requests
 */
export async function serveAws(options: {
  hosts: readonly string[];
  services: Readonly<Record<string, Service>>;
  s3?: (request: RestRequest) => [status: number, body: string];
}): Promise<{ port: number; calls: Call[]; close: () => Promise<void> }> {
  const calls: Call[] = [];

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await read(request);
    const [, caller = ''] = /Credential=([^/]+)/.exec(request.headers.authorization ?? '') ?? [];
    const call = (service: string, operation: string, input: Record<string, unknown>): unknown => {
      calls.push({ service, operation, input, caller });
      const perform = options.services[service]?.[operation];
      if (!perform) throw new Fault('InvalidAction', `the fake ${service} has no ${operation}`);
      return perform(input as never);
    };

    const target = request.headers['x-amz-target'];
    if (typeof target === 'string') {
      const [prefix = '', operation = ''] = target.split('.');
      try {
        const output = await call(JSON_SERVICES[prefix] ?? prefix, operation, JSON.parse(body || '{}'));
        send(response, 200, 'application/x-amz-json-1.1', JSON.stringify(output ?? {}));
      } catch (error) {
        const { code, message } = asFault(error);
        send(response, 400, 'application/x-amz-json-1.1', JSON.stringify({ __type: code, message }));
      }
    } else if (request.headers['content-type']?.startsWith('application/x-www-form-urlencoded')) {
      const { Action, Version, ...input } = parseForm(body);
      const operation = Action as string;
      const service = QUERY_SERVICES[Version as string] ?? (Version as string);
      try {
        const output = (await call(service, operation, input)) as Output;
        send(response, 200, 'text/xml', answer(operation, output));
      } catch (error) {
        const { code, message } = asFault(error);
        send(response, 400, 'text/xml', refusal(code, message));
      }
    } else {
      const { s3 = someBucket } = options;
      const url = new URL(request.url ?? '/', 'http://s3');
      const [status, text] = s3({ method: request.method ?? '', url, body });
      send(response, status, 'application/xml', text);
    }
  }

  const servers: Server[] = [];
  let port = 0;
  for (const host of options.hosts) {
    const server = createServer((request, response) => void handle(request, response));
    await new Promise<void>((resolve, reject) => {
      server.on('error', reject);
      server.listen(port, host, resolve);
    });
    ({ port } = server.address() as AddressInfo);
    servers.push(server);
  }
  return {
    port,
    calls,
    async close() {
      for (const server of servers) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
}

function asFault(error: unknown): { code: string; message: string } {
  if (error instanceof Fault) return error;
  return { code: 'InternalFailure', message: String((error as Error).stack ?? error) };
}

async function read(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const part of request.setEncoding('utf8')) body += part as string;
  return body;
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'x-amzn-requestid': 'fake' }).end(body);
}
