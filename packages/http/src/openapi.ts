import swagger from '@fastify/swagger';
import type { SwaggerTransform } from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifySchema, RouteOptions } from 'fastify';
import fp from 'fastify-plugin';
import { platformProblems } from './errors.ts';
import type { ProblemTable } from './errors.ts';
import { problemResponses } from './problem-schema.ts';
import type { ProblemResponse } from './problem-schema.ts';

export interface OpenApiOptions {
  readonly title: string;
  readonly version: string;
  readonly description: string;
  /** Every error code of the service, for `/docs/errors`. */
  readonly problems: { readonly table: ProblemTable };
  /** Whether callers without a token are served as well. Default false. */
  readonly anonymous?: boolean;
}

/** Methods of which Fastify reads a body whether the operation takes one or not, so that a bad one is an error. */
const WITH_BODY = new Set<unknown>(['POST', 'PUT', 'PATCH', 'DELETE']);

/** What the documentation pages load: their own scripts and styles, small inline images, and the contract. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * The contract, made from the routes' schemas: OpenAPI 3.1 at `/openapi.json`, a readable reference at `/docs`, and what
 * the `type` of an error points to at `/docs/errors`. Register it before the routes; it describes those that follow.
 */
export const openapi = fp<OpenApiOptions>(
  async (app, { title, version, description, problems, anonymous = false }) => {
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: { title, version, description },
        components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
      },
      transform: describeRoute(anonymous),
      // By name, where the default would call them def-0, def-1, ….
      refResolver: {
        buildLocalReference: (json, _base, _fragment, i) =>
          typeof json['$id'] === 'string' ? json['$id'] : `schema-${i}`,
      },
    });

    const config = { public: true };
    app.get('/openapi.json', { config, schema: { hide: true } }, () => app.swagger());
    app.get('/docs/errors', { config, schema: { hide: true } }, (_request, reply) => {
      reply.header('content-security-policy', PAGE_POLICY).type('text/html; charset=utf-8');
      return errorsPage(title, problems.table);
    });
    await app.register(async (docs) => {
      docs.addHook('onRoute', (route) => {
        route.config = { ...route.config, ...config };
        route.schema = { ...route.schema, hide: true };
      });
      await docs.register(swaggerUi, {
        routePrefix: '/docs',
        staticCSP: PAGE_POLICY,
        theme: { title },
        uiConfig: { layout: 'BaseLayout', deepLinking: true },
      });
    });
  },
  { name: 'openapi', dependencies: ['problems'] },
);

/** Adds to each operation what its configuration implies: the scope it needs and the errors that any route may answer. */
const describeRoute =
  (anonymous: boolean): SwaggerTransform =>
  ({ schema, url, route }) => {
    const { public: open = false, probe = false, scope } = route.config ?? {};
    const bearer = { bearer: scope === undefined ? [] : [scope] };
    return {
      url,
      schema: {
        ...schema,
        ...(schema.querystring === undefined ? {} : { querystring: asClientsSeeIt(schema.querystring) }),
        // One of these will do; the empty one means none at all.
        security: open ? [] : anonymous ? [{}, bearer] : [bearer],
        ...(probe ? {} : { response: withCommonProblems(schema, route) }),
      },
    };
  };

/** A member with a default is required of the handler's input, which always has it, and not of the client. */
function asClientsSeeIt(schema: unknown): object {
  const {
    properties = {},
    required = [],
    ...rest
  } = schema as {
    properties?: Record<string, { default?: unknown }>;
    required?: string[];
  };
  const needed = required.filter((name) => properties[name]?.default === undefined);
  return { ...rest, properties, required: needed };
}

function withCommonProblems(schema: FastifySchema, { config, method }: RouteOptions): object {
  const takesInput = schema.body ?? schema.querystring ?? schema.params ?? schema.headers;
  const readsBody = [method].flat().some((each) => WITH_BODY.has(each));
  const common = problemResponses(
    { table: platformProblems },
    ...(takesInput === undefined ? [] : (['validation_failed'] as const)),
    ...(readsBody ? (['malformed_json', 'body_too_large', 'unsupported_media_type'] as const) : []),
    ...(config?.public === true ? [] : (['unauthenticated', 'forbidden'] as const)),
    ...(config?.idempotent === true ? (['idempotency_in_progress', 'idempotency_mismatch'] as const) : []),
    'request_timeout',
    'headers_too_large',
    'rate_limited',
    'internal_error',
    'overloaded',
    'dependency_unavailable',
  );
  const own = (schema.response ?? {}) as Record<string, ProblemResponse>;
  const merged: Record<string, unknown> = { ...common, ...own };
  for (const [status, response] of Object.entries<ProblemResponse>(common)) {
    const { [status]: declared } = own;
    if (declared !== undefined) {
      merged[status] = { ...declared, description: `${declared.description}\n${response.description}` };
    }
  }
  return merged;
}

function errorsPage(title: string, table: ProblemTable): string {
  const rows = Object.entries(table)
    .toSorted(([, a], [, b]) => a.status - b.status)
    .map(
      ([code, problem]) =>
        `<tr id="${code.replaceAll('_', '-')}"><td>${problem.status}<td><code>${code}</code>` +
        `<td>${escapeHtml(problem.title)}<td>${escapeHtml(problem.detail)}`,
    );
  return (
    `<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,"><title>${escapeHtml(title)}: errors</title>` +
    `<h1>Errors</h1><table><tr><th>Status<th>Code<th>Title<th>Detail${rows.join('')}</table>`
  );
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
