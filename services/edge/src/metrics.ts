import { type CounterSeries, counterFrom, histogramFrom, type MetricsRegistry } from '@millrace/runtime';
import { Gauge } from 'prom-client';
import type { DialectName } from './ingest/canonical-event.ts';
import type { SchemaMetrics } from './ingest/schemas/schema-guard.ts';
import type { SubmitMetrics } from './ingest/submit.ts';
import type { RpcMetrics } from './rpc/call-record.ts';
import type { LimitName } from './server/limits/request-limits.ts';
import type { BodyBudget } from './server/request-body.ts';
import type { HttpMetrics } from './server/server.ts';

/** Everything that the edge counts. */
export interface EdgeMetrics extends HttpMetrics, RpcMetrics, SubmitMetrics, SchemaMetrics {
  rejected(dialect: DialectName, reason: string): void;
  rateLimited(limit: LimitName): void;
  /** Shows what bodies take of their budget. */
  watchBodies(bodies: Pick<BodyBudget, 'used'>): void;
  readonly rateLimitFallbacks: CounterSeries;
}

const DURATION_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Declares the edge's metrics. */
export function createEdgeMetrics(registry: MetricsRegistry): EdgeMetrics {
  const requests = counterFrom({
    registry,
    name: 'millrace_http_requests_total',
    help: 'Answered requests.',
    labelNames: ['route', 'method', 'status'],
  });
  const duration = histogramFrom({
    registry,
    name: 'millrace_http_request_duration_seconds',
    help: 'From the end of a request head to its answer.',
    labelNames: ['route', 'method'],
    buckets: DURATION_BUCKETS_SECONDS,
  });
  const calls = counterFrom({
    registry,
    name: 'millrace_grpc_requests_total',
    help: 'Calls of the public RPC services, by gRPC status code.',
    labelNames: ['service', 'method', 'code'],
  });
  const callDuration = histogramFrom({
    registry,
    name: 'millrace_grpc_request_duration_seconds',
    help: 'From the head of a call to its end.',
    labelNames: ['service', 'method'],
    buckets: DURATION_BUCKETS_SECONDS,
  });
  const accepted = counterFrom({
    registry,
    name: 'millrace_events_accepted_total',
    help: 'Events answered as accepted; each is on disk in the stream.',
    labelNames: ['dialect'],
  });
  const duplicates = counterFrom({
    registry,
    name: 'millrace_events_duplicate_total',
    help: 'Events answered as duplicates.',
    labelNames: [],
  });
  const rejected = counterFrom({
    registry,
    name: 'millrace_events_rejected_total',
    help: 'Events that a dialect refused.',
    labelNames: ['dialect', 'reason'],
  });
  const rateLimited = counterFrom({
    registry,
    name: 'millrace_rate_limited_total',
    help: 'Requests that were refused because a limit was exceeded.',
    labelNames: ['limit'],
  });
  const rateLimitFallbacks = counterFrom({
    registry,
    name: 'millrace_rate_limit_fallback_total',
    help: 'Requests that were limited by this process alone, because Redis did not answer.',
    labelNames: [],
  });
  const schemaViolations = counterFrom({
    registry,
    name: 'millrace_schema_violations_total',
    help: 'Events that violate the schema of their name: refused in mode enforce, let pass in mode observe.',
    labelNames: ['mode'],
  });
  const brokenSchemas = counterFrom({
    registry,
    name: 'millrace_schema_unusable_total',
    help: 'Stored schemas that could not be used; their events pass unchecked.',
    labelNames: [],
  });
  // Looked up by what a request knows already; a label's value only ever comes from the code, so this stays small.
  const answers = new Map<string, { answered(status: number, seconds: number): void }>();
  const acceptedBy = new Map<DialectName, CounterSeries>();
  const duplicate = duplicates.series([]);
  return {
    route(route, method) {
      const key = `${method} ${route}`;
      const known = answers.get(key);
      if (known) return known;
      const times = duration.series([route, method]);
      const byStatus = new Map<number, CounterSeries>();
      const made = {
        answered(status: number, seconds: number) {
          let count = byStatus.get(status);
          if (!count) {
            count = requests.series([route, method, String(status)]);
            byStatus.set(status, count);
          }
          count.add();
          times.observe(seconds);
        },
      };
      answers.set(key, made);
      return made;
    },
    called(service, method, code, seconds) {
      calls.add([service, method, code]);
      callDuration.series([service, method]).observe(seconds);
    },
    accepted(dialect) {
      let count = acceptedBy.get(dialect);
      if (!count) {
        count = accepted.series([dialect]);
        acceptedBy.set(dialect, count);
      }
      count.add();
    },
    duplicate: () => duplicate.add(),
    rejected: (dialect, reason) => rejected.add([dialect, reason]),
    schemaViolated: (mode) => schemaViolations.add([mode]),
    schemaBroken: () => brokenSchemas.series([]).add(),
    watchBodies(bodies) {
      new Gauge({
        name: 'millrace_http_body_bytes_in_memory',
        help: 'What request bodies take of MAX_BODY_BYTES_IN_MEMORY, as received and inflated.',
        registers: [registry],
        collect() {
          this.set(bodies.used());
        },
      });
    },
    rateLimited: (limit) => rateLimited.add([limit]),
    rateLimitFallbacks: rateLimitFallbacks.series([]),
  };
}
