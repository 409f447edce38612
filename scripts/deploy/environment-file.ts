import { readFileSync } from 'node:fs';
import { type Environment, ENVIRONMENTS } from './layers.ts';
import { path } from './path.ts';

/** `infra/environments/<environment>.json`, in the form that CloudFormation and CodePipeline take too. */
export interface EnvironmentFile {
  Parameters: Readonly<Record<string, string>>;
  Tags?: Readonly<Record<string, string>>;
}

export function readEnvironmentFile(environment: Environment): EnvironmentFile {
  return JSON.parse(readFileSync(path(`infra/environments/${environment}.json`), 'utf8')) as EnvironmentFile;
}

/**
 * @throws naming everything that the owner of an environment has still to fill in, before anything is made: without it
 *   the api would not start, or bearer tokens would travel unencrypted
 */
export function refuseUnfinished(environment: Environment, { Parameters }: EnvironmentFile): void {
  if (Parameters['AuthMode'] === 'none') return;
  const needed = ['AuthIssuer', 'AuthAudience', 'CertificateArn', 'DomainName'];
  const missing = needed.filter((name) => !Parameters[name]);
  if (missing.length > 0) {
    throw new Error(
      `infra/environments/${environment}.json: set ${missing.join(', ')}. Callers prove who they are by tokens, which need ` +
        'an issuer and must not travel unencrypted. To try it first, set AuthMode to none, which lets everybody in.',
    );
  }
}

/**
 * The platform to build for, such as `linux/arm64`.
 *
 * @throws when environments differ: all of them run the same images
 */
export function imagePlatform(): string {
  const architectures = new Set(
    ENVIRONMENTS.map((environment) => readEnvironmentFile(environment).Parameters['Architecture'] ?? 'ARM64'),
  );
  const [architecture, other] = architectures;
  if (other !== undefined) {
    throw new Error(
      'infra/environments/*.json disagree on the Architecture: one image is promoted through all of them',
    );
  }
  return architecture === 'X86_64' ? 'linux/amd64' : 'linux/arm64';
}
