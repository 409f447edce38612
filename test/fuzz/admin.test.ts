import fc from 'fast-check';
import { expect, inject, test } from 'vitest';
import { inLanes, share } from './budget.ts';
import { exchange } from './exchange.ts';
import { hostileText } from './values.ts';

const urls = inject('adminUrls');

/** A line of the Prometheus text format, version 0.0.4. Prometheus reads NaN in any case. */
const LINE =
  /^(# (HELP|TYPE) [a-zA-Z_:][\w:]* .*|[a-zA-Z_:][\w:]*(\{([a-zA-Z_]\w*="([^"\\\n]|\\["\\n])*",?)*\})? (-?\d[\d.]*(e[+-]?\d+)?|[Nn]a[Nn]|[+-]Inf)( \d+)?)$/;

const path = fc.oneof(
  fc.constantFrom('/metrics', '/metrics?name[]=x', '/health', '/', '/metrics/', '/%', '//metrics', '*'),
  hostileText.map((text) => `/${encodeURIComponent(text.toWellFormed())}`),
);

test('the admin ports answer every request, with metrics in the text format where they are asked for', () =>
  inLanes(share(0.035), (parameters) =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...urls),
        path,
        fc.constantFrom('GET', 'GET', 'HEAD', 'POST', 'DELETE', 'TRACE'),
        async (url, target, method) => {
          const { status, headers, body } = await exchange(url, { method, target, headers: {} });
          const reads = method === 'GET' || method === 'HEAD';
          const isThere = ['/metrics', '/health'].includes(target.split('?')[0] ?? '');
          expect(status).toBe(!reads ? 405 : isThere ? 200 : 404);
          if (!target.startsWith('/metrics') || method !== 'GET' || status !== 200) return;
          expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
          expect(body.split('\n').filter((line) => line !== '' && !LINE.test(line))).toEqual([]);
        },
      ),
      parameters,
    ),
  ));
