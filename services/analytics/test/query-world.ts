import assert from 'node:assert/strict';
import { create, fromJson, type JsonValue, toJson } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { FileFormat, RunQueryRequestSchema } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { type Query, QuerySchema, TableSchema } from '@millrace/contracts/millrace/query/v1/query';
import { createMetricsRegistry } from '@millrace/runtime';
import { createEventTable } from '@millrace/stores';
import { createFixedClock } from '@millrace/testkit';
import { encodeEvent, encodeRows, type PropertyPlan, type Row } from '@millrace/wire';
import { createAnalyticsMetrics } from '../src/metrics.ts';
import { createQuerySlots } from '../src/query/query-slots.ts';
import { createQueryStore } from '../src/query/query-store.ts';
import { runQuery } from '../src/query/run-query.ts';
import type { PropertyColumns } from '../src/query/statement.ts';
import { createAnalyticsWorld } from './analytics-world.ts';
import type { FilterJson, QueryEvent, WindowOfRows } from './event-model.ts';

const SHARD = 1_000;
const MONTH = 202_611;

/** A question without its window and filter, as protobuf JSON. */
export type QuestionJson = Record<string, JsonValue>;

/** What is asked in a test. */
export interface Asked {
  readonly question: QuestionJson;
  readonly workspaceId?: string;
  readonly window: WindowOfRows;
  readonly filter?: FilterJson | undefined;
}

/** A store with events in it that answers questions in protobuf JSON. `planOf` says what the writer keeps in columns. */
export async function createQueryWorld(
  events: readonly QueryEvent[],
  planOf: (workspaceId: string) => PropertyPlan | undefined = () => undefined,
) {
  const world = await createAnalyticsWorld();
  await world.startReplica().app.prepared;
  const table = createEventTable({ client: world.client, database: 'millrace' });
  // Several parts, none of them sorted before it comes.
  const partSize = Math.ceil(events.length / 3);
  for (let from = 0; from < events.length; from += partSize) {
    const rows = events.slice(from, from + partSize).map(rowOf);
    const outcome = await table.insert({
      body: encodeRows(rows, SHARD, MONTH, planOf),
      token: String(from),
      queryId: `test-${from}`,
      timeoutMs: 60_000,
    });
    assert.deepEqual(outcome, { kind: 'answered' });
  }
  const metrics = createAnalyticsMetrics(createMetricsRegistry({ service: 'test', version: '0' }));
  const slots = createQuerySlots({ total: 4, perWorkspace: 4, waitingPerWorkspace: 100, waitMs: 60_000 });
  const store = createQueryStore({ client: world.client, slots, metrics });

  let properties: PropertyColumns = new Map();
  const run = (query: Query, workspaceId: string, format = FileFormat.UNSPECIFIED) =>
    runQuery(
      store,
      create(RunQueryRequestSchema, { workspaceId, query, format }),
      properties,
      createFixedClock(Date.UTC(2026, 5, 1)),
      AbortSignal.timeout(60_000),
    );
  return {
    ...world,
    /** What questions find in columns from now on. */
    useProperties(columns: PropertyColumns): void {
      properties = columns;
    },
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

/** The event as the stream has it. */
function rowOf(event: QueryEvent): Row {
  const { id, type, occurredMs, receivedMs, position, ...fields } = event;
  const data = Buffer.from(
    encodeEvent(
      { ...fields, eventId: id, eventType: type, occurredAtMs: occurredMs, receivedAtMs: receivedMs },
      '',
    ),
  );
  return { data, start: 0, end: data.length, keyAt: -1, seq: Math.floor(position / 4), index: position % 4 };
}

/** Numbers that were added up in another order differ in the last digits. */
export function assertSameRows(
  found: readonly unknown[][],
  expected: readonly unknown[][],
  question: unknown,
): void {
  const rounded = (rows: readonly unknown[][]) =>
    rows.map((row) =>
      row.map((cell) => (typeof cell === 'number' ? Number(cell.toPrecision(12)) + 0 : cell)),
    );
  assert.deepEqual(rounded(found), rounded(expected), JSON.stringify(question));
}
