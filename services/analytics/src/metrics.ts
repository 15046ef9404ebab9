import { counterFrom, histogramFrom, type MetricsRegistry } from '@millrace/runtime';
import { Gauge } from 'prom-client';
import type { AuditMetrics } from './audit/audit-writer.ts';
import type { DeletionMetrics, DeletionState } from './erasure/eraser.ts';
import type { ExportMetrics } from './export/export-events.ts';
import type { RetentionMetrics } from './retention/delete-expired.ts';
import type { TailMetrics } from './tail/ports.ts';

/** What analytics tells of its work. */
export interface AnalyticsMetrics {
  readonly audit: AuditMetrics;
  readonly tail: TailMetrics;
  readonly exports: ExportMetrics;
  readonly erasure: DeletionMetrics & RetentionMetrics;
  /** Times a question, counting how it ended. */
  timed<T>(question: string, ask: () => Promise<T>): Promise<T>;
}

const BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
/** From a second to a day: a deletion rewrites files, and waits for those before it. */
const DELETION_BUCKETS_SECONDS = [1, 5, 15, 60, 300, 900, 3_600, 14_400, 86_400];

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
    exports: exportMetrics(registry),
    erasure: { ...deletionMetrics(registry), ...retentionMetrics(registry) },
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

function exportMetrics(registry: MetricsRegistry): ExportMetrics {
  const running = new Gauge({
    name: 'millrace_exports_running',
    help: 'Exports that are being sent.',
    registers: [registry],
  });
  const ended = counterFrom({
    registry,
    name: 'millrace_exports_total',
    help: 'Exports that have ended: complete, left by their client, or failed.',
    labelNames: ['format', 'outcome'],
  });
  const bytes = counterFrom({
    registry,
    name: 'millrace_export_bytes_total',
    help: 'Bytes of exports that were sent.',
    labelNames: ['format'],
  });
  return {
    began(format) {
      running.inc();
      return (outcome) => {
        running.dec();
        ended.add([format, outcome]);
      };
    },
    sent: (format, count) => bytes.add([format], count),
  };
}

function deletionMetrics(registry: MetricsRegistry): DeletionMetrics {
  const duration = histogramFrom({
    registry,
    name: 'millrace_deletion_duration_seconds',
    help: 'From the request for a deletion to its end, told by the replica that saw to it.',
    labelNames: ['outcome'],
    buckets: DELETION_BUCKETS_SECONDS,
  });
  let look = (): DeletionState | undefined => undefined;
  new Gauge({
    name: 'millrace_deletion_jobs',
    help: 'Deletions by state, those that were over within 90 days among them; every replica tells all.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      for (const [state, jobs] of Object.entries(look()?.jobs ?? {})) this.set({ state }, jobs);
    },
  });
  new Gauge({
    name: 'millrace_deletion_oldest_unfinished_seconds',
    help: 'Age of the oldest deletion that is not over; 0 when there is none. Every replica tells the same.',
    registers: [registry],
    collect() {
      this.set(look()?.oldestUnfinishedSeconds ?? 0);
    },
  });
  return {
    finished: (outcome, seconds) => duration.series([outcome]).observe(seconds),
    followJobs(jobs) {
      look = jobs;
    },
  };
}

function retentionMetrics(registry: MetricsRegistry): RetentionMetrics {
  const runs = counterFrom({
    registry,
    name: 'millrace_retention_runs_total',
    help: 'Passes over workspaces that keep events for some days only, by how they ended.',
    labelNames: ['outcome'],
  });
  const expired = counterFrom({
    registry,
    name: 'millrace_retention_expired_rows_total',
    help: 'Rows that had expired and whose deletion has begun.',
    labelNames: ['table'],
  });
  let look = () => 0;
  new Gauge({
    name: 'millrace_retention_last_success_timestamp_seconds',
    help: 'When a pass last succeeded, of whatever replica, in seconds since 1970; 0 for never.',
    registers: [registry],
    collect() {
      this.set(look() / 1_000);
    },
  });
  return {
    ran: (outcome) => runs.add([outcome]),
    expired: (table, rows) => expired.add([table], rows),
    followPasses(last) {
      look = last;
    },
  };
}
