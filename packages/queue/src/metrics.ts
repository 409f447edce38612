import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** How a delivery ended. */
export type OutcomeName = 'done' | 'retry_later' | 'failed' | 'poison' | 'returned' | 'lost';

export type ConsumerMetrics = ReturnType<typeof createMetrics>;

/**
 * Registers the consumer's metrics. One consumer per registry: prom-client refuses a second metric of a name.
 *
 * @param inFlight is asked at each scrape
 */
export function createMetrics(registry: Registry, inFlight: () => number) {
  const registers = [registry];
  return {
    inFlight: new Gauge({
      name: 'queue_messages_in_flight',
      help: 'Messages in handlers.',
      registers,
      collect() {
        this.set(inFlight());
      },
    }),
    duration: new Histogram({
      name: 'queue_handler_duration_seconds',
      help: 'Time from the start of a delivery until its handler settled, by message type and outcome.',
      labelNames: ['type', 'outcome'] as const,
      buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900],
      registers,
    }),
    outcomes: new Counter({
      name: 'queue_deliveries_total',
      help: 'Deliveries by message type and outcome: done, retry_later, failed, poison, returned, lost.',
      labelNames: ['type', 'outcome'] as const,
      registers,
    }),
    age: new Histogram({
      name: 'queue_message_age_seconds',
      help: 'Time from the send of a message until this receive of it, earlier deliveries included.',
      buckets: [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400],
      registers,
    }),
    lostLeases: new Counter({
      name: 'queue_lost_leases_total',
      help: 'Messages that SQS gave to somebody else while we held them.',
      registers,
    }),
    acknowledgeFailures: new Counter({
      name: 'queue_acknowledge_failures_total',
      help: 'Messages whose delete or visibility change was given up after its retries.',
      labelNames: ['call'] as const,
      registers,
    }),
    receiveErrors: new Counter({
      name: 'queue_receive_errors_total',
      help: 'Receives that failed.',
      registers,
    }),
  };
}
