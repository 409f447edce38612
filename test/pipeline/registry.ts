import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, request as send, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Service } from './aws/server.ts';
import { docker } from './docker.ts';

/** Manifests as Docker and OCI have them: without these the registry answers with its oldest form. */
const MANIFESTS = [
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
].join(', ');

/** The one tag that may move, as infra/pipeline.yml says. */
const MUTABLE_TAG = 'cache';

export interface Registry {
  /** Every manifest that was pushed under a tag, as `repository:tag`. */
  pushes: string[];
  /** ECR's API, answered from what is in the registry. */
  ecr: Service;
  close: () => Promise<void>;
}

/**
 * ECR at an address, such as `127.0.0.1:5000`: a real registry, behind what makes it ECR: a login by token, and tags that do not move.
 */
export async function startRegistry(address: string, label: string): Promise<Registry> {
  const container = await docker([
    'run',
    '--detach',
    '--label',
    label,
    '--publish',
    '127.0.0.1::5000',
    'registry:2',
  ]);
  const port = Number((await docker(['port', container, '5000'])).split(':').at(-1));
  await untilAnswers(port);

  const token = Buffer.from(`AWS:${randomUUID()}`).toString('base64');
  const pushes: string[] = [];

  async function digestOf(repository: string, reference: string): Promise<string | undefined> {
    const answer = await fetch(`http://127.0.0.1:${port}/v2/${repository}/manifests/${reference}`, {
      method: 'HEAD',
      headers: { accept: MANIFESTS },
    });
    return answer.ok ? (answer.headers.get('docker-content-digest') ?? undefined) : undefined;
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.headers.authorization !== `Basic ${token}`) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="ecr"' }).end();
      return;
    }
    const [, repository = '', tag] = /^\/v2\/(.+)\/manifests\/([^:]+)$/.exec(request.url ?? '') ?? [];
    if (request.method === 'PUT' && tag !== undefined) {
      if (tag !== MUTABLE_TAG && (await digestOf(repository, tag)) !== undefined) {
        const message = `tag ${tag} is in ${repository} already, and tags are immutable`;
        response.writeHead(400).end(JSON.stringify({ errors: [{ code: 'TAG_INVALID', message }] }));
        return;
      }
      pushes.push(`${repository}:${tag}`);
    }
    const { method, url: path, headers } = request;
    const forwarded = send({ host: '127.0.0.1', port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    forwarded.on('error', () => response.destroy());
    request.pipe(forwarded);
  }

  const server = createServer((request, response) => void handle(request, response));
  const [host, own] = address.split(':');
  await new Promise<void>((resolve) => server.listen(Number(own), host, resolve));

  return {
    pushes,
    ecr: {
      GetAuthorizationToken: () => ({
        authorizationData: [{ authorizationToken: token, proxyEndpoint: `http://${address}` }],
      }),
      DescribeRepositories: ({ repositoryNames }: { repositoryNames: string[] }) => ({
        repositories: repositoryNames.map((name) => ({
          repositoryName: name,
          repositoryUri: `${address}/${name}`,
        })),
      }),
      async BatchGetImage(input: { repositoryName: string; imageIds: { imageTag: string }[] }) {
        const found = await Promise.all(
          input.imageIds.map(async (imageId) => ({
            imageId,
            digest: await digestOf(input.repositoryName, imageId.imageTag),
          })),
        );
        return {
          images: found.flatMap(({ imageId, digest }) =>
            digest === undefined ? [] : { imageId: { ...imageId, imageDigest: digest } },
          ),
          failures: found.flatMap(({ imageId, digest }) =>
            digest === undefined ? { imageId, failureCode: 'ImageNotFound' } : [],
          ),
        };
      },
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function untilAnswers(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const answers = await fetch(`http://127.0.0.1:${port}/v2/`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (answers) return;
    await sleep(100);
  }
  throw new Error('the registry does not answer');
}
