import { type Context, sendEmpty } from './context.ts';
import { S3Error } from './errors.ts';
import type { CorsRule } from './stored.ts';

/** Answers a browser's preflight, which is never signed. The first rule that allows all it asks for holds. */
export function preflight(context: Context): void {
  const { headers } = context;
  const origin = headers.get('origin');
  const method = headers.get('access-control-request-method');
  if (origin === undefined || method === undefined) {
    throw new S3Error(
      'InvalidRequest',
      'A preflight needs Origin and Access-Control-Request-Method headers.',
    );
  }
  const asked = (headers.get('access-control-request-headers')?.split(',') ?? []).map((name) => name.trim());
  const rule = rulesOf(context).find(
    (candidate) =>
      allows(candidate, origin, method) &&
      asked.every((name) => candidate.allowedHeaders.some((pattern) => matches(pattern, name))),
  );
  if (!rule) throw new S3Error('AccessForbidden');
  if (asked.length > 0) context.response.setHeader('access-control-allow-headers', asked.join(', '));
  allow(context, rule, origin);
  sendEmpty(context, 200);
}

/** Sets the headers with which a browser lets its page read the answer, an error too. */
export function setCorsHeaders(context: Context): void {
  const origin = context.headers.get('origin');
  if (origin === undefined) return;
  const rule = rulesOf(context).find((candidate) => allows(candidate, origin, context.method));
  if (rule) allow(context, rule, origin);
}

function rulesOf({ store, bucket }: Context): CorsRule[] {
  return store.buckets().find(({ name }) => name === bucket)?.cors ?? [];
}

function allows(rule: CorsRule, origin: string, method: string): boolean {
  return (
    rule.allowedMethods.includes(method) && rule.allowedOrigins.some((pattern) => matches(pattern, origin))
  );
}

function allow({ response }: Context, rule: CorsRule, origin: string): void {
  if (rule.allowedOrigins.includes('*')) response.setHeader('access-control-allow-origin', '*');
  else {
    response.setHeader('access-control-allow-origin', origin);
    response.setHeader('access-control-allow-credentials', 'true');
  }
  response.setHeader('access-control-allow-methods', rule.allowedMethods.join(', '));
  if (rule.exposeHeaders.length > 0) {
    response.setHeader('access-control-expose-headers', rule.exposeHeaders.join(', '));
  }
  if (rule.maxAgeSeconds !== undefined) response.setHeader('access-control-max-age', rule.maxAgeSeconds);
  response.setHeader('vary', 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method');
}

/** Whether a text fits a pattern with at most one `*`, regardless of case. */
function matches(pattern: string, text: string): boolean {
  const [start = '', end] = pattern.toLowerCase().split('*');
  const value = text.toLowerCase();
  if (end === undefined) return value === start;
  return value.length >= start.length + end.length && value.startsWith(start) && value.endsWith(end);
}
