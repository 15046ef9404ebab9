import { counterFrom, histogramFrom, type MetricsRegistry } from '@millrace/runtime';
import { Gauge } from 'prom-client';

/** What the webhook service tells of its work. */
export interface WebhookMetrics {
  /** Called once for each attempt: what came of it, how long it took, and how old its event is, in milliseconds. */
  attempted(outcome: string, tookMs: number, ageMs: number): void;
  disabled(reason: string): void;
  /** Declares what is looked at when metrics are read. */
  follow(look: EngineState): void;
}

/** What an engine has at the moment. */
export interface EngineState {
  endpoints(): number;
  inFlight(): number;
  pendingRetries(): number;
  unrecorded(): number;
  /** Messages of the stream that the endpoint that is furthest behind has in front of it. */
  lag(): number;
  open(): number;
}

const ATTEMPT_BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const AGE_BUCKETS_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3_600, 86_400];

/** Declares them. */
export function createWebhookMetrics(registry: MetricsRegistry): WebhookMetrics {
  const attempts = counterFrom({
    registry,
    name: 'millrace_webhook_attempts_total',
    help: 'Attempts to deliver: sent, retried (another follows), failed (given up).',
    labelNames: ['outcome'],
  });
  const disabled = counterFrom({
    registry,
    name: 'millrace_webhook_endpoints_disabled_total',
    help: 'Endpoints that were disabled: gone (answered 410), failing (for 5 days).',
    labelNames: ['reason'],
  });
  const took = histogramFrom({
    registry,
    name: 'millrace_webhook_attempt_duration_seconds',
    help: 'From the start of an attempt to its end.',
    labelNames: [],
    buckets: ATTEMPT_BUCKETS_SECONDS,
  }).series([]);
  const age = histogramFrom({
    registry,
    name: 'millrace_webhook_delivery_duration_seconds',
    help: 'From the arrival of an event to its successful delivery.',
    labelNames: [],
    buckets: AGE_BUCKETS_SECONDS,
  }).series([]);
  const gauge = (name: string, help: string, look: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(look());
      },
    });
  return {
    attempted(outcome, tookMs, ageMs) {
      attempts.add([outcome]);
      took.observe(tookMs / 1_000);
      if (outcome === 'sent') age.observe(Math.max(0, ageMs) / 1_000);
    },
    disabled: (reason) => disabled.add([reason]),
    follow(look) {
      gauge('millrace_webhook_endpoints', 'Endpoints that this process serves.', look.endpoints);
      gauge('millrace_webhook_attempts_in_flight', 'Attempts under way.', look.inFlight);
      gauge(
        'millrace_webhook_retries_pending',
        'Deliveries that will be attempted again.',
        look.pendingRetries,
      );
      gauge('millrace_webhook_attempts_unrecorded', 'Attempts that wait to be stored.', look.unrecorded);
      gauge('millrace_webhook_breakers_open', 'Endpoints that are left alone because they fail.', look.open);
      gauge(
        'millrace_webhook_cursor_lag_events',
        'Messages of the stream that the active endpoint furthest behind has not read.',
        look.lag,
      );
    },
  };
}
