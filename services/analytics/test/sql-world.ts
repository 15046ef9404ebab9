import { create, fromJson, type JsonValue } from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import { RunSqlRequestSchema, type SqlFormat } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { createAnalyticsWorld } from './analytics-world.ts';

/** What is asked in a test. */
export interface Stated {
  readonly query: string;
  readonly workspaceId?: string;
  readonly params?: Record<string, JsonValue>;
  readonly format?: SqlFormat;
  readonly signal?: AbortSignal;
}

const WORKSPACES = ['w1', 'w2'] as const;
const TYPES = ['signup', 'view', 'buy'] as const;
const START_MS = Date.UTC(2026, 2, 28, 20);
const EVENTS = 60;

/** Rows with the same ids, types and times in two workspaces; what differs between them names its owner. */
export function rowsOf(workspaceId: string) {
  return Array.from({ length: EVENTS }, (_, i) => ({
    workspace_id: workspaceId,
    event_id: `e${i}`,
    event_type: TYPES[i % TYPES.length] ?? '',
    dialect: 'native',
    source: `source-of-${workspaceId}`,
    user_id: `user-of-${workspaceId}-${i % 5}`,
    session_id: `s${i % 10}`,
    trace_id: '',
    priority: 1 + (i % 10),
    labels: i % 2 === 0 ? ['even', `label-of-${workspaceId}`] : ['odd'],
    payload: JSON.stringify({ n: i, owner: `payload-of-${workspaceId}`, cart: { total: i * 1.5 } }),
    metadata: '{}',
    occurred_at_ms: START_MS + i * 15 * 60_000,
    received_at_ms: START_MS + i * 15 * 60_000 + 500,
    _seq: i + 1,
    _index: 0,
  }));
}

/** A ClickHouse with events of two workspaces, and analytics that answers statements. */
export async function createSqlWorld(options: Parameters<typeof createAnalyticsWorld>[0] = {}) {
  const world = await createAnalyticsWorld(options);
  const { app, methods } = world.startReplica();
  await app.prepared;
  for (const workspaceId of WORKSPACES) {
    const values = rowsOf(workspaceId);
    const columns = Object.keys(values[0] ?? {}) as [string];
    await world.client.insert({ table: 'events', format: 'JSONEachRow', values, columns });
  }
  const parts = (stated: Stated) => {
    const params = Object.entries(stated.params ?? {}).map(([name, value]) => [
      name,
      fromJson(ValueSchema, value),
    ]);
    const request = create(RunSqlRequestSchema, {
      workspaceId: stated.workspaceId ?? 'w1',
      query: stated.query,
      params: Object.fromEntries(params),
      ...(stated.format === undefined ? {} : { format: stated.format }),
    });
    return methods.runSql(request, { timeoutMs: 60_000, signal: stated.signal });
  };
  const bytes = async (stated: Stated): Promise<Buffer> => {
    const all: Uint8Array[] = [];
    for await (const { part } of parts(stated)) all.push(part);
    return Buffer.concat(all);
  };
  return {
    ...world,
    parts,
    bytes,
    text: async (stated: Stated) => (await bytes(stated)).toString(),
    /** The rows of a JSON answer. */
    async table(stated: Stated): Promise<unknown[][]> {
      return JSON.parse((await bytes(stated)).toString()).rows;
    },
    /** The columns of a JSON answer. */
    async columns(stated: Stated): Promise<{ name: string; type: string }[]> {
      return JSON.parse((await bytes(stated)).toString()).columns;
    },
  };
}

/** What `createSqlWorld` yields. */
export type SqlWorld = Awaited<ReturnType<typeof createSqlWorld>>;
