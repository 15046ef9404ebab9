import { ask, type ClickHouseClient, loadSql, storeUnavailable } from '@millrace/stores';
import { z } from 'zod';
import type { AnalyticsMetrics } from '../metrics.ts';
import type { AuditEntry, AuditTable } from './ports.ts';

const INSERT_TIMEOUT_MS = 10_000;
const QUESTION_TIMEOUT_MS = 4_000;

const listSql = loadSql(import.meta.url, 'queries/list-entries.sql');
const entryRow = z.object({
  id: z.string(),
  workspaceId: z.string(),
  atMs: z.coerce.bigint(),
  action: z.string(),
  outcome: z.string(),
  actorUserId: z.string(),
  actorCredentialId: z.string(),
  targetType: z.string(),
  targetId: z.string(),
  detailsJson: z.string(),
  ipAddress: z.string(),
  requestId: z.string(),
});

/** The table in the client's default database. */
export function createAuditTable(options: {
  client: ClickHouseClient;
  metrics: AnalyticsMetrics;
}): AuditTable {
  const { client, metrics } = options;
  return {
    async insert(entries) {
      try {
        await client.insert({
          table: 'audit_log',
          format: 'JSONEachRow',
          values: entries.map(rowOf),
          abort_signal: AbortSignal.timeout(INSERT_TIMEOUT_MS),
          clickhouse_settings: {
            async_insert: 0,
            wait_end_of_query: 1,
            date_time_input_format: 'best_effort',
            // Entries of whatever months must not keep each other out.
            throw_on_max_partitions_per_insert_block: 0,
          },
        });
      } catch (error) {
        throw storeUnavailable(error);
      }
    },
    list({ behind, ...question }, signal) {
      return metrics.timed('audit', () =>
        ask(client, {
          sql: listSql,
          params: { ...question, behindMs: behind.atMs, behindId: behind.id },
          row: entryRow,
          timeoutMs: QUESTION_TIMEOUT_MS,
          signal,
        }),
      );
    },
  };
}

function rowOf(entry: AuditEntry): Record<string, string> {
  return {
    workspace_id: entry.workspaceId,
    id: entry.id,
    at: new Date(Number(entry.atMs)).toISOString(),
    action: entry.action,
    outcome: entry.outcome,
    actor_user_id: entry.actorUserId,
    actor_credential_id: entry.actorCredentialId,
    target_type: entry.targetType,
    target_id: entry.targetId,
    details: entry.detailsJson,
    ip_address: entry.ipAddress,
    request_id: entry.requestId,
  };
}
