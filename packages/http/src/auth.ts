import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { Caller } from './caller.ts';
import { platformProblem, ProblemError } from './errors.ts';
import { createTokenVerifier, InvalidTokenError, IssuerUnavailableError } from './oidc.ts';
import type { OidcOptions } from './oidc.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The scope that a caller needs, such as `datasets:read`. Without it any authenticated caller may. */
    scope?: string;
    /** Open to anyone, without a token. Routes are closed unless they say so. */
    public?: boolean;
  }
  interface FastifyRequest {
    /** Who calls. Throws on a public route, where nobody was asked. */
    readonly caller: Caller;
    /** What the token gave: a caller or the error to answer with; null where nobody was asked. */
    authentication: Caller | ProblemError | null;
  }
}

export type AuthOptions = { readonly mode: 'none' } | ({ readonly mode: 'oidc' } & OidcOptions);

/** The caller if there is one: for logs and limits, which see unauthenticated requests too. */
export function callerOf({ authentication }: FastifyRequest): Caller | null {
  return authentication instanceof ProblemError ? null : (authentication ?? null);
}

/**
 * Authenticates in onRequest and refuses in preParsing, so that limits between the two know the tenant and also hold
 * for callers without a valid token, and no body of theirs is read.
 */
export const auth = fp<AuthOptions>(
  (app, options, done) => {
    const authenticate = options.mode === 'none' ? asLocal : byToken(options);
    const isOpen = (request: FastifyRequest): boolean =>
      request.is404 || request.routeOptions.config.public === true;

    app.decorateRequest('authentication', null);
    app.decorateRequest('caller', {
      getter() {
        const caller = callerOf(this);
        if (caller === null) throw new Error('request.caller was read on a public route: it has no caller');
        return caller;
      },
    });
    app.addHook('onRequest', async (request) => {
      if (!isOpen(request)) request.authentication = await authenticate(request);
    });
    app.addHook('preParsing', (request, _reply, _payload, next) => {
      next(isOpen(request) ? null : refusal(request));
    });
    done();
  },
  { name: 'auth', dependencies: ['problems'] },
);

type Authenticate = (request: FastifyRequest) => Promise<Caller | ProblemError>;

const LOCAL: Caller = { tenant: 'local', scopes: 'all' };
const asLocal: Authenticate = () => Promise.resolve(LOCAL);

function byToken(options: OidcOptions): Authenticate {
  const verify = createTokenVerifier(options);
  return async (request) => {
    const [, token] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
    // RFC 6750 section 3.1: no error code when the request came without any token.
    if (token === undefined) return unauthenticated('Bearer');
    try {
      return await verify(token);
    } catch (error) {
      if (error instanceof InvalidTokenError)
        return unauthenticated('Bearer error="invalid_token"', error.message);
      if (error instanceof IssuerUnavailableError) {
        return platformProblem('dependency_unavailable', error.message, { cause: error });
      }
      throw error;
    }
  };
}

function refusal(request: FastifyRequest): ProblemError | null {
  const { authentication } = request;
  if (authentication === null) return unauthenticated('Bearer');
  if (authentication instanceof ProblemError) return authentication;
  const { scope } = request.routeOptions.config;
  if (scope === undefined || authentication.scopes === 'all' || authentication.scopes.has(scope)) return null;
  return platformProblem('forbidden', `The token lacks the scope ${scope}.`, {
    headers: { 'www-authenticate': `Bearer error="insufficient_scope", scope="${scope}"` },
  });
}

function unauthenticated(challenge: string, detail?: string): ProblemError {
  return platformProblem('unauthenticated', detail, { headers: { 'www-authenticate': challenge } });
}
