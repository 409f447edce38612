import { aws, AwsError } from './aws.ts';
import { docker } from './docker.ts';
import { imagePlatform } from './environment-file.ts';
import { say } from './log.ts';

/** The images that are built: the api's has the migrations too. */
const IMAGES = ['api', 'worker'] as const;
type Name = (typeof IMAGES)[number];

/** Both by digest, such as `….amazonaws.com/stowage-api@sha256:…`. */
export type Images = Record<Name, string>;

/**
 * The images of a commit, if ECR has both. A tag is a commit's SHA and never moves, and a release pushes nothing that it
 * has not tested, so that they need neither tests nor a build any more.
 */
export function findImages(sha: string): Images | undefined {
  const api = findImage('api', sha);
  const worker = findImage('worker', sha);
  return api !== undefined && worker !== undefined ? { api, worker } : undefined;
}

/** Builds those images of a commit that ECR does not have, and pushes them: both are built before one is pushed. */
export function buildImages(sha: string): void {
  const missing = IMAGES.filter((name) => findImage(name, sha) === undefined);
  for (const registry of new Set(missing.map((name) => repositoryOf(name).registry))) logIn(registry);
  for (const name of missing) build(name, sha);
  for (const name of missing) push(name, sha);
}

/**
 * The stage that compiles is pushed too, as the tag `cache`, which moves: the next build, on another machine, takes from
 * it what has not changed. A cache that is not there yet only makes Docker warn.
 */
function build(name: Name, sha: string): void {
  const { uri } = repositoryOf(name);
  const shared = ['build', '--file', `Dockerfile.${name}`, '--platform', imagePlatform()];
  shared.push('--cache-from', `${uri}:cache`);
  // One manifest an image: its digest is what ECS runs.
  shared.push('--provenance=false');
  if (process.env['NODE_IMAGE']) shared.push('--build-arg', `NODE_IMAGE=${process.env['NODE_IMAGE']}`);
  say(`building ${uri}:${sha}`);
  const cache = ['--target', 'build', '--build-arg', 'BUILDKIT_INLINE_CACHE=1', '--tag', `${uri}:cache`];
  docker([...shared, ...cache, '.']);
  const facts = [`GIT_SHA=${sha}`, `BUILD_DATE=${new Date().toISOString()}`];
  docker([...shared, ...facts.flatMap((fact) => ['--build-arg', fact]), '--tag', `${uri}:${sha}`, '.']);
}

function push(name: Name, sha: string): void {
  const { uri } = repositoryOf(name);
  for (const tag of [sha, 'cache']) docker(['push', '--quiet', `${uri}:${tag}`]);
}

function findImage(name: Name, sha: string): string | undefined {
  const { uri, repository } = repositoryOf(name);
  // Asking for the image itself: unlike describe-images, it answers when there is none, instead of failing.
  const answer = aws('ecr batch-get-image', { repositoryName: repository, imageIds: [`imageTag=${sha}`] });
  const { images } = answer as { images: { imageId: { imageDigest: string } }[] };
  const digest = images[0]?.imageId.imageDigest;
  return digest === undefined ? undefined : `${uri}@${digest}`;
}

function logIn(registry: string): void {
  const answer = aws('ecr get-authorization-token');
  const { authorizationData } = answer as { authorizationData: { authorizationToken: string }[] };
  const token = authorizationData[0]?.authorizationToken ?? '';
  const [user = '', password = ''] = Buffer.from(token, 'base64').toString().split(':');
  docker(['login', '--username', user, '--password-stdin', registry], password);
}

const uris = new Map<Name, string>();

/** A repository's address: API_REPOSITORY and WORKER_REPOSITORY, or that of this account's repository. */
function repositoryOf(name: Name): { uri: string; registry: string; repository: string } {
  const uri = process.env[`${name.toUpperCase()}_REPOSITORY`] || uris.get(name) || lookUp(name);
  uris.set(name, uri);
  const slash = uri.indexOf('/');
  return { uri, registry: uri.slice(0, slash), repository: uri.slice(slash + 1) };
}

function lookUp(name: Name): string {
  try {
    const answer = aws('ecr describe-repositories', { repositoryNames: [`stowage-${name}`] });
    const { repositories } = answer as { repositories: { repositoryUri: string }[] };
    return repositories[0]?.repositoryUri ?? '';
  } catch (error) {
    if (!(error instanceof AwsError) || error.code !== 'RepositoryNotFoundException') throw error;
    throw new Error(`there is no ECR repository stowage-${name}: infra/pipeline.yml makes it`, {
      cause: error,
    });
  }
}
