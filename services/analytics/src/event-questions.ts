import { ask, type ClickHouseClient, loadSql } from '@millrace/stores';
import { z } from 'zod';
import type { AnalyticsMetrics } from './metrics.ts';

const RATE_SECONDS = 60;
const QUESTION_TIMEOUT_MS = 4_000;
const PROBE_TIMEOUT_MS = 1_000;

const statsSql = loadSql(import.meta.url, 'queries/stats.sql');
const probeSql = loadSql(import.meta.url, 'queries/probe.sql');
const statsRow = z.object({ total: z.coerce.number(), recent: z.coerce.number() });
const probeRow = z.object({ up: z.coerce.number() });

/** Counts over a workspace's stored events. */
interface StoredEventCounts {
  readonly total: number;
  /** Events received in the last minute. */
  readonly lastMinute: number;
}

/** The event store as it is asked. Every question throws MillraceError `unavailable` when no answer comes in time. */
export interface EventQuestions {
  counts(workspaceId: string, signal: AbortSignal): Promise<StoredEventCounts>;
  /** Whether the store answers. */
  isUp(signal: AbortSignal): Promise<boolean>;
}

/** Asks ClickHouse, each question with a deadline of its own. */
export function createEventQuestions(options: {
  client: ClickHouseClient;
  metrics: AnalyticsMetrics;
}): EventQuestions {
  const { client, metrics } = options;
  return {
    async counts(workspaceId, signal) {
      const [row] = await metrics.timed('stats', () =>
        ask(client, {
          sql: statsSql,
          params: { workspaceId, rateSeconds: RATE_SECONDS },
          row: statsRow,
          timeoutMs: QUESTION_TIMEOUT_MS,
          signal,
        }),
      );
      return { total: row?.total ?? 0, lastMinute: row?.recent ?? 0 };
    },
    async isUp(signal) {
      try {
        await ask(client, { sql: probeSql, row: probeRow, timeoutMs: PROBE_TIMEOUT_MS, signal });
        return true;
      } catch {
        // Not answering is the answer: the caller asked whether it does.
        return false;
      }
    },
  };
}
