import { Server as NetServer } from 'node:net';
import type { Socket } from 'node:net';
import { setMaxListeners } from 'node:events';
import { performance } from 'node:perf_hooks';
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import fp from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyInstance {
    /** Aborted when the drain begins: readiness answers 503 from then on, everything else is served. */
    readonly draining: AbortSignal;
    /** Aborted when the server closes: streams that would never end by themselves must end now. */
    readonly closing: AbortSignal;
    /** Takes the instance out of service and closes it. Ends within `delayMs + timeoutMs`. Further calls join the first. */
    drain(): Promise<void>;
  }
}

export interface DrainOptions {
  /** Milliseconds of service after readiness turned 503, for load balancers to notice. Default 5,000. */
  readonly delayMs?: number;
  /** Milliseconds for the requests in flight to end, then their connections are cut. Default 25,000. */
  readonly timeoutMs?: number;
}

/** How often connections are looked at while closing. */
const SWEEP_MS = 20;
/** For so many looks (300 ms) after the listener closed a request may still arrive on a connection that is open. */
const QUIET_SWEEPS = 15;
/** Longest time to take in connections that wait, while more and more arrive. */
const ACCEPT_MS = 1_000;

/**
 * Leaving without a failed request: readiness turns 503, the instance goes on serving while balancers notice, then it
 * closes: first the listener only, so that requests just arriving on open connections are still answered, now with
 * `connection: close`; then the connections as they become free.
 *
 * Node's and Fastify's own close() is not enough. It cuts idle connections at once, while a request may be on its way to
 * them, and then waits for three other kinds, up to the keep-alive timeout of 72 s or for ever: those that turn idle
 * later because their answer had begun before (fastify#7044), those on which a client never sent a byte (to Node they
 * are not idle), and stuck ones.
 */
export const drain = fp<DrainOptions>(
  (app, { delayMs = 5_000, timeoutMs = 25_000 }, done) => {
    const draining = new AbortController();
    const closing = new AbortController();
    // One listener an open stream: any number is right.
    setMaxListeners(0, draining.signal, closing.signal);

    const sockets = new Set<Socket>();
    let accepted = 0;
    app.server.on('connection', (socket) => {
      accepted += 1;
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });

    app.addHook('onSend', (_request, reply, payload, next) => {
      if (closing.signal.aborted) reply.header('connection', 'close');
      next(null, payload);
    });

    // Connections that the kernel still holds when the listener closes are reset, and the event loop accepts one a turn
    // (libuv#3696): the first turn without a new one has seen that none waits.
    const acceptWaiting = async (): Promise<void> => {
      const start = performance.now();
      for (let before = -1; before !== accepted && performance.now() - start < ACCEPT_MS;) {
        before = accepted;
        await immediate();
      }
    };
    // Not http's close(), which would cut idle connections. Fastify calls that one when the preClose hook is done.
    const stopListening = (): void => {
      NetServer.prototype.close.call(app.server);
      closing.abort();
    };
    // A close() without a drain is in a hurry.
    let quietSweeps = 0;
    app.addHook('preClose', async () => {
      draining.abort();
      stopListening();
      const start = performance.now();
      // Looks are counted, not time: in each the event loop reads what has arrived, however late it runs.
      for (let sweep = 0; sockets.size > 0; sweep += 1) {
        if (performance.now() - start >= timeoutMs) {
          app.log.warn({ connections: sockets.size }, 'closing took too long: cutting the connections left');
          app.server.closeAllConnections();
        } else if (sweep >= quietSweeps) {
          app.server.closeIdleConnections();
          for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
        }
        await sleep(SWEEP_MS);
        // A timer fires before the event loop reads: what has arrived is read first, then connections are judged.
        await immediate();
      }
    });

    let drained: Promise<void> | undefined;
    app.decorate('draining', draining.signal);
    app.decorate('closing', closing.signal);
    app.decorate('drain', () => {
      drained ??= (async () => {
        draining.abort();
        app.log.info({ delayMs }, 'draining');
        await sleep(delayMs);
        await acceptWaiting();
        quietSweeps = QUIET_SWEEPS;
        stopListening();
        await app.close();
      })();
      return drained;
    });
    done();
  },
  { name: 'drain' },
);
