import { create, fromJson, type JsonValue } from '@bufbuild/protobuf';
import {
  GetMetricsRequestSchema,
  RunQueryRequestSchema,
  TimeRange,
} from '@millrace/contracts/millrace/analytics/v1/analytics';
import { ListEventsRequestSchema } from '@millrace/contracts/millrace/api/v1/analytics';
import { QuerySchema } from '@millrace/contracts/millrace/query/v1/query';
import { createMetricsRegistry } from '@millrace/runtime';
import type { ClickHouseClient } from '@millrace/stores';
import { readDashboard } from '../../../services/analytics/src/dashboard/dashboard.ts';
import { createDashboardQuestions } from '../../../services/analytics/src/dashboard/questions.ts';
import { listEvents } from '../../../services/analytics/src/events/list-events.ts';
import { createAnalyticsMetrics } from '../../../services/analytics/src/metrics.ts';
import { createQuerySlots } from '../../../services/analytics/src/query/query-slots.ts';
import { createQueryStore } from '../../../services/analytics/src/query/query-store.ts';
import { runQuery } from '../../../services/analytics/src/query/run-query.ts';
import { type PropertyColumns, propertyKey } from '../../../services/analytics/src/query/statement.ts';
import { readRaw } from './raw-scan.ts';

/** One question of the bench: asks it, uncached, and resolves with the answer. */
export interface BenchQuestion {
  readonly name: string;
  /** What the 95th percentile should be at most, in milliseconds. */
  readonly aimMs?: number;
  /** The raw scan that it is compared with, and the greatest ratio that it should have. */
  readonly raw?: { readonly name: string; readonly aim?: number };
  ask(): Promise<unknown>;
}

const WORKSPACE = 'w0';
const TIMEOUT_MS = 60_000;
const COLUMNS: PropertyColumns = new Map([
  [propertyKey('payload', ['plan']), { name: '_text_1', kind: 'text', since: 1 }],
  [propertyKey('payload', ['amount']), { name: '_number_1', kind: 'number', since: 1 }],
]);

/** The questions of the bench to the largest workspace, by the service's own code; windows end at `endMs`. */
export function benchQuestions(client: ClickHouseClient, endMs: number): readonly BenchQuestion[] {
  const metrics = createAnalyticsMetrics(createMetricsRegistry({ service: 'bench', version: '0' }));
  const dashboard = createDashboardQuestions({ client, metrics });
  const slots = createQuerySlots({ total: 8, perWorkspace: 8, waitingPerWorkspace: 8, waitMs: TIMEOUT_MS });
  const store = createQueryStore({ client, slots, metrics });
  const clock = { now: () => endMs, monotonic: () => performance.now() };
  const signal = () => AbortSignal.timeout(TIMEOUT_MS);
  const figures = (timeRange: TimeRange, filter: { eventType?: string; userIdPart?: string } = {}) => {
    const request = create(GetMetricsRequestSchema, { workspaceId: WORKSPACE, timeRange, ...filter });
    return () => readDashboard(dashboard, request, clock, signal());
  };
  const query = (question: Record<string, JsonValue>) => {
    const request = create(RunQueryRequestSchema, {
      workspaceId: WORKSPACE,
      query: fromJson(QuerySchema, { window: { last: '604800s' }, ...question }),
    });
    return () => runQuery(store, request, COLUMNS, clock, signal());
  };
  const list = create(ListEventsRequestSchema, {});
  const raw = (name: string, hours: number) => ({
    name,
    ask: () => readRaw(client, { workspaceId: WORKSPACE, fromMs: endMs - hours * 3_600_000, toMs: endMs }),
  });
  const sum = { aggregation: 'AGGREGATION_SUM', field: 'payload.amount' };
  return [
    raw('raw scan 24h', 24),
    raw('raw scan 7d', 168),
    { name: 'metrics 15m', aimMs: 50, ask: figures(TimeRange.TIME_RANGE_15M) },
    { name: 'metrics 1h', aimMs: 50, ask: figures(TimeRange.TIME_RANGE_1H) },
    {
      name: 'metrics 24h',
      aimMs: 50,
      raw: { name: 'raw scan 24h', aim: 0.4 },
      ask: figures(TimeRange.TIME_RANGE_24H),
    },
    {
      name: 'metrics 7d',
      aimMs: 100,
      raw: { name: 'raw scan 7d', aim: 0.3 },
      ask: figures(TimeRange.TIME_RANGE_7D),
    },
    {
      name: 'metrics 7d, one type',
      aimMs: 150,
      raw: { name: 'raw scan 7d' },
      ask: figures(TimeRange.TIME_RANGE_7D, { eventType: 'type_1' }),
    },
    {
      name: 'metrics 7d, part of a user id',
      aimMs: 150,
      raw: { name: 'raw scan 7d' },
      ask: figures(TimeRange.TIME_RANGE_7D, { userIdPart: 'R_1999' }),
    },
    { name: 'events by day, 7d', ask: query({ timeSeries: { interval: 'INTERVAL_DAY' } }) },
    { name: 'breakdown by type, 7d', ask: query({ breakdown: { fields: ['type'] } }) },
    {
      name: 'breakdown by a property, 7d',
      aimMs: 150,
      raw: { name: 'breakdown by JSON, 7d', aim: 0.1 },
      ask: query({ breakdown: { fields: ['payload.plan'] } }),
    },
    { name: 'breakdown by JSON, 7d', ask: query({ breakdown: { fields: ['payload.country'] } }) },
    {
      name: 'sum of a property by day, 7d',
      ask: query({ timeSeries: { interval: 'INTERVAL_DAY', measures: [sum] } }),
    },
    {
      name: 'funnel of 3 steps, 7d',
      aimMs: 200,
      ask: query({ funnel: { steps: [{ type: 'type_0' }, { type: 'type_1' }, { type: 'type_2' }] } }),
    },
    {
      name: 'retention by week, 30d',
      aimMs: 200,
      ask: query({ window: { last: '2592000s' }, retention: { period: 'INTERVAL_WEEK' } }),
    },
    { name: 'paths, 24h', ask: query({ window: { last: '86400s' }, paths: {} }) },
    { name: 'a page of events', ask: () => listEvents(store, WORKSPACE, list, clock, signal()) },
  ];
}
