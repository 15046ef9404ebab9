import { counterFrom, histogramFrom, type MetricsRegistry } from '@millrace/runtime';
import { Gauge } from 'prom-client';
import type { AuditMetrics } from './audit/audit-writer.ts';
import type { TailMetrics } from './tail/ports.ts';

/** What analytics tells of its work. */
export interface AnalyticsMetrics {
  readonly audit: AuditMetrics;
  readonly tail: TailMetrics;
  /** Times a question, counting how it ended. */
  timed<T>(question: string, ask: () => Promise<T>): Promise<T>;
}

const BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Declares the metrics of analytics. */
export function createAnalyticsMetrics(registry: MetricsRegistry): AnalyticsMetrics {
  const questions = counterFrom({
    registry,
    name: 'millrace_analytics_queries_total',
    help: 'Questions to ClickHouse, by how they ended.',
    labelNames: ['query', 'outcome'],
  });
  const duration = histogramFrom({
    registry,
    name: 'millrace_analytics_query_duration_seconds',
    help: 'From a question to ClickHouse to its answer.',
    labelNames: ['query'],
    buckets: BUCKETS_SECONDS,
  });
  const auditStored = counterFrom({
    registry,
    name: 'millrace_audit_entries_stored_total',
    help: 'Entries of the audit log stored in ClickHouse; one that is stored again after a failure counts again.',
    labelNames: [],
  });
  const auditMalformed = counterFrom({
    registry,
    name: 'millrace_audit_entries_malformed_total',
    help: 'Messages of the stream AUDIT that can not be stored and were left out.',
    labelNames: [],
  });
  const tailReaders = new Gauge({
    name: 'millrace_tail_readers',
    help: 'Readers of live tails that are connected.',
    registers: [registry],
  });
  const tailDropped = counterFrom({
    registry,
    name: 'millrace_tail_dropped_total',
    help: 'Readers of live tails that were dropped, by the reason that they were told.',
    labelNames: ['reason'],
  });
  return {
    tail: {
      readers: (count) => tailReaders.set(count),
      dropped: (reason) => tailDropped.add([reason]),
    },
    audit: {
      stored: (entries) => auditStored.add([], entries),
      malformed: () => auditMalformed.add([]),
    },
    async timed(question, ask) {
      const startedAt = performance.now();
      try {
        const answer = await ask();
        questions.add([question, 'answered']);
        return answer;
      } catch (error) {
        questions.add([question, 'failed']);
        throw error;
      } finally {
        duration.series([question]).observe((performance.now() - startedAt) / 1_000);
      }
    },
  };
}
