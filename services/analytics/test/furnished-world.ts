import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createMetricsRegistry, systemClock } from '@millrace/runtime';
import {
  AUDIT_STREAM,
  DEAD_LETTERS_STREAM,
  openAuditLog,
  openAuditReader,
  openProperties,
  openRecords,
  openWorkspaceDeletions,
} from '@millrace/stores';
import { z } from 'zod';
import { createAuditTable } from '../src/audit/audit-table.ts';
import { startAuditWriter } from '../src/audit/audit-writer.ts';
import { createAnalyticsMetrics } from '../src/metrics.ts';
import { log } from './analytics-world.ts';
import { createErasureWorld } from './erasure-world.ts';
import { openWorkspaceReplica } from './workspace-replica.ts';

const PROCESS = new URL('workspace-eraser-process.ts', import.meta.url).pathname;
const TABLES = ['events', 'dead_letter_changes', 'webhook_attempts', 'audit_log'];
const PROJECTIONS = ['p_type', 'p_user', 'p_userevents', 'p_bytype', 'p_dim'];

/** What `furnish` puts into a workspace, by where it is. */
export const EVERYTHING: Readonly<Record<string, number>> = {
  ...{ events: 2, p_type: 1, p_user: 2, p_userevents: 2, p_bytype: 2, p_dim: 2 },
  ...{ dead_letters: 1, dead_letter_changes: 1, webhook_attempts: 1, audit_log: 1 },
  ...{ [DEAD_LETTERS_STREAM]: 1, [AUDIT_STREAM]: 1 },
  ...{ properties: 1, schemas: 1, periods: 1, deletions: 1, endpoints: 1, replays: 1 },
};
/** What is there of one that was deleted. */
export const NOTHING = Object.fromEntries(Object.keys(EVERYTHING).map((name) => [name, 0]));

/** Real stores with a writer of the audit log, and workspaces with one of everything in them; who writes events is for the test to start. */
export async function createFurnishedWorld() {
  const world = await createErasureWorld();
  const { connection } = world;
  const { client } = world.stores;
  const common = { connection, replicas: 1, clock: systemClock, log };
  const openOwned = (bucket: string) =>
    openRecords({
      ...{ ...common, bucket },
      parse: (record) => z.object({ workspaceId: z.string() }).parse(record),
    });
  const OWNED = { schemas: 'event-schemas', endpoints: 'webhook-endpoints', replays: 'webhook-replays' };
  const audit = await openAuditLog(common);
  const jobs = await openWorkspaceDeletions(common);
  const properties = await openProperties(common);
  const metrics = createAnalyticsMetrics(createMetricsRegistry({ service: 'test', version: '0' }));
  const auditWriter = startAuditWriter({
    openReader: () => openAuditReader(common),
    table: createAuditTable({ client, metrics }),
    ...{ metrics: metrics.audit, random: Math.random, log },
  });

  const open = (options: Partial<Parameters<typeof openWorkspaceReplica>[0]> = {}) =>
    openWorkspaceReplica({ connection, client, ...options });

  const inTables = async (workspaceId: string): Promise<Record<string, number>> => {
    const count = async (from: string, condition = 'workspace_id = {workspaceId:String}') => {
      const answer = await client.query({
        query: `SELECT toUInt32(count()) AS n FROM ${from} WHERE ${condition}`,
        query_params: { workspaceId },
        format: 'JSONEachRow',
        clickhouse_settings: { optimize_use_projections: 0 },
      });
      const [row] = await answer.json<{ n: number }>();
      return row?.n ?? -1;
    };
    const found: Record<string, number> = {};
    for (const table of TABLES) found[table] = await count(table);
    for (const projection of PROJECTIONS)
      found[projection] = await count(`mergeTreeProjection(currentDatabase(), events, ${projection})`);
    found['dead_letters'] = await count('dead_letters FINAL', 'position(body, {workspaceId:String}) > 0');
    return found;
  };

  const inStream = async (stream: string, workspaceId: string): Promise<number> => {
    const { streams } = await connection.jetstreamManager();
    const { state } = await streams.info(stream);
    let found = 0;
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      // What was deleted leaves a hole.
      const message = await streams.getMessage(stream, { seq }).catch(() => undefined);
      if (message && Buffer.from(message.data).includes(workspaceId)) found++;
    }
    return found;
  };

  const inBuckets = async (workspaceId: string): Promise<Record<string, number>> => {
    const own = ([, { value }]: [string, { value: { workspaceId: string } }]) =>
      value.workspaceId === workspaceId;
    const replica = await open();
    const others = await Promise.all(
      Object.entries(OWNED).map(async ([name, bucket]) => {
        const fresh = await openOwned(bucket);
        const count = [...fresh.entries()].filter(own).length;
        await fresh.close();
        return [name, count] as const;
      }),
    );
    try {
      return {
        ...Object.fromEntries(others),
        deletions: [...replica.deletions.entries()].filter(own).length,
        periods: replica.periods.get(workspaceId) ? 1 : 0,
        properties: properties.list(workspaceId).length,
      };
    } finally {
      await replica.close();
    }
  };

  return {
    ...world,
    jobs,
    open,
    /** Puts in one of everything; the ids are the same in every workspace. */
    async furnish(workspaceId: string): Promise<void> {
      const attempt = { workspace_id: workspaceId, created_at: '2030-01-01 00:00:00', event_id: 'same' };
      await client.insert({ table: 'webhook_attempts', values: [attempt], format: 'JSONEachRow' });
      const letter = { workspace_id: workspaceId, shard: 1, seq: '1', state: 'discarded', version: 1 };
      await client.insert({ table: 'dead_letter_changes', values: [letter], format: 'JSONEachRow' });
      await world.publishEvents([
        { id: 'same', workspaceId, userId: 'user', type: 'kind' },
        { id: 'other', workspaceId, userId: 'other', type: 'kind' },
      ]);
      await world.publishDamaged({ id: 'damaged', workspaceId });
      await audit.record({
        ...{ workspaceId, action: 'member.invited', outcome: 'succeeded' },
        actor: { userId: 'u', credentialId: 'c', ipAddress: '192.0.2.1', requestId: 'r' },
        target: { type: 'invitation', id: 'i' },
      });
      const property = { path: 'payload.plan', root: 'payload', keys: ['plan'], kind: 'text' } as const;
      await properties.put({ ...property, workspaceId, createdBy: 'u' });
      for (const bucket of Object.values(OWNED)) {
        const records = await openOwned(bucket);
        await records.create(randomUUID(), { workspaceId });
        await records.close();
      }
      const replica = await open();
      await replica.periods.create(workspaceId, { days: 30, passedAtMs: systemClock.now() });
      const id = randomUUID();
      await replica.deletions.create(id, {
        ...{ id, workspaceId, userId: 'somebody', throughSeq: 0, status: 'done', createdAtMs: 0, batch: '' },
        ...{ startedAtMs: 0, finishedAtMs: 0, progress: 1, error: '', streamClearedAtMs: null },
      });
      await replica.close();
    },
    /** What there is of a workspace, by where it is. */
    tracesOf: async (workspaceId: string): Promise<Record<string, number>> => ({
      ...(await inTables(workspaceId)),
      [DEAD_LETTERS_STREAM]: await inStream(DEAD_LETTERS_STREAM, workspaceId),
      [AUDIT_STREAM]: await inStream(AUDIT_STREAM, workspaceId),
      ...(await inBuckets(workspaceId)),
    }),
    /** Works the jobs off in a process that kills itself at a step; answers the signal that it ended by. */
    async workUntilKilled(step: string): Promise<unknown> {
      const { nats, clickhouse } = world.stores;
      const child = spawn(process.execPath, [PROCESS], {
        stdio: ['ignore', 'inherit', 'inherit'],
        env: {
          ...process.env,
          ...{ NATS_URL: nats.url, CLICKHOUSE_URL: clickhouse.url, DIE_AT: step },
          ...{ CLICKHOUSE_USER: clickhouse.application.username },
          ...{ CLICKHOUSE_PASSWORD: clickhouse.application.password },
        },
      });
      const [, signal] = await once(child, 'exit');
      return signal;
    },
    async close() {
      await auditWriter.close();
      for (const one of [jobs, properties]) await one.close();
      await world.close();
    },
  };
}
