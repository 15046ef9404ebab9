import { create, fromJson, type JsonValue, toJson } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { FileFormat, RunQueryRequestSchema } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { type Query, QuerySchema, TableSchema } from '@millrace/contracts/millrace/query/v1/query';
import { createMetricsRegistry } from '@millrace/runtime';
import { createFixedClock } from '@millrace/testkit';
import { createAnalyticsMetrics } from '../src/metrics.ts';
import { createQuerySlots } from '../src/query/query-slots.ts';
import { createQueryStore } from '../src/query/query-store.ts';
import { runQuery } from '../src/query/run-query.ts';
import { createAnalyticsWorld } from './analytics-world.ts';
import type { FilterJson, QueryEvent, WindowOfRows } from './event-model.ts';

/** A question without its window and filter, as protobuf JSON. */
export type QuestionJson = Record<string, JsonValue>;

/** What is asked in a test. */
export interface Asked {
  readonly question: QuestionJson;
  readonly workspaceId?: string;
  readonly window: WindowOfRows;
  readonly filter?: FilterJson | undefined;
}

/** A store with events in it that answers questions in protobuf JSON. */
export async function createQueryWorld(events: readonly QueryEvent[]) {
  const world = await createAnalyticsWorld();
  await world.startReplica().app.prepared;
  // Several parts, none of them sorted before it comes.
  const partSize = Math.ceil(events.length / 3);
  for (let from = 0; from < events.length; from += partSize) {
    const values = events.slice(from, from + partSize).map(rowOf);
    const [first] = values;
    if (first === undefined) continue;
    await world.client.insert({
      table: 'events',
      format: 'JSONEachRow',
      values,
      columns: Object.keys(first) as [string],
    });
  }
  const metrics = createAnalyticsMetrics(createMetricsRegistry({ service: 'test', version: '0' }));
  const slots = createQuerySlots({ total: 4, perWorkspace: 4, waitingPerWorkspace: 100, waitMs: 60_000 });
  const store = createQueryStore({ client: world.client, slots, metrics });

  const run = (query: Query, workspaceId: string, format = FileFormat.UNSPECIFIED) =>
    runQuery(
      store,
      create(RunQueryRequestSchema, { workspaceId, query, format }),
      createFixedClock(Date.UTC(2026, 5, 1)),
      AbortSignal.timeout(60_000),
    );
  return {
    ...world,
    /** The rows of an answer and what it says of itself. */
    async ask({ question, workspaceId = 'w1', window, filter }: Asked) {
      const answer = await run(queryOf({ question, window, filter }), workspaceId);
      if (answer.case !== 'table') throw new Error('an answer that is no table');
      const table = create(TableSchema, answer.value);
      const { columns = [], rows = [] } = toJson(TableSchema, table) as Record<
        string,
        Record<string, unknown>[]
      >;
      return {
        columns: columns.map(({ name }) => name),
        rows: rows as unknown as unknown[][],
        readBy: table.readBy,
        unregistered: table.unregisteredProperties,
        fromMs: table.from && timestampMs(table.from),
        toMs: table.to && timestampMs(table.to),
      };
    },
    async csv({ question, workspaceId = 'w1', window, filter }: Asked): Promise<string> {
      const answer = await run(queryOf({ question, window, filter }), workspaceId, FileFormat.CSV);
      if (answer.case !== 'file') throw new Error('an answer that is no file');
      return Buffer.from(answer.value).toString();
    },
    async parquet({ question, workspaceId = 'w1', window, filter }: Asked): Promise<Uint8Array> {
      const answer = await run(queryOf({ question, window, filter }), workspaceId, FileFormat.PARQUET);
      if (answer.case !== 'file') throw new Error('an answer that is no file');
      return answer.value;
    },
  };
}

/** What `createQueryWorld` yields. */
export type QueryWorld = Awaited<ReturnType<typeof createQueryWorld>>;

function queryOf({ question, window, filter }: Asked): Query {
  return fromJson(QuerySchema, {
    window: {
      from: new Date(window.fromMs).toISOString(),
      to: new Date(window.toMs).toISOString(),
      basis: window.isByOccurrence ? 'TIME_BASIS_OCCURRED' : 'TIME_BASIS_RECEIVED',
      timeZone: window.zone,
      weekStart: window.isSundayFirst ? 'WEEKDAY_SUNDAY' : 'WEEKDAY_MONDAY',
    },
    ...(filter && { filter: filter as unknown as JsonValue }),
    ...question,
  });
}

function rowOf(event: QueryEvent) {
  return {
    workspace_id: event.workspaceId,
    event_id: event.id,
    event_type: event.type,
    dialect: event.dialect,
    source: event.source,
    user_id: event.userId,
    session_id: event.sessionId,
    trace_id: event.traceId,
    priority: event.priority,
    labels: event.labels,
    payload: event.payload,
    metadata: event.metadata,
    occurred_at_ms: event.occurredMs,
    received_at_ms: event.receivedMs,
    _seq: Math.floor(event.position / 4),
    _index: event.position % 4,
  };
}
