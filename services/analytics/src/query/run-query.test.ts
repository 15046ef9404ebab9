import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { create, fromJson, type JsonValue } from '@bufbuild/protobuf';
import { RunQueryRequestSchema } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { QuerySchema } from '@millrace/contracts/millrace/query/v1/query';
import { createFixedClock } from '@millrace/testkit';
import { runQuery } from './run-query.ts';

type Json = Record<string, JsonValue>;

const store = { rows: async () => [], file: async () => new Uint8Array() };
const ask = async (query: Json, workspaceId = 'w1') =>
  runQuery(
    store,
    create(RunQueryRequestSchema, { workspaceId, query: fromJson(QuerySchema, query) }),
    new Map(),
    createFixedClock(Date.UTC(2026, 10, 27)),
    AbortSignal.timeout(1_000),
  );

const count: Json = { breakdown: { fields: ['type'] } };
const compare = (comparison: Json): Json => ({ ...count, filter: { comparison } });
const within = (window: Json): Json => ({ ...count, window });
const series = (timeSeries: Json, window: Json = {}): Json => ({ timeSeries, window });
const breakdown = (question: Json): Json => ({ breakdown: { fields: ['type'], ...question } });
const repeated = <T>(length: number, one: (i: number) => T): T[] => Array.from({ length }, (_, i) => one(i));
const nested = (depth: number): Json =>
  depth === 1 ? { comparison: { field: 'id', exists: true } } : { not: nested(depth - 1) };
const many = (length: number): Json => ({
  ...count,
  filter: { any: { filters: repeated(length, () => ({ comparison: { field: 'id', exists: true } })) } },
});

describe('invalid_argument: names the place in the question', () => {
  const refused: [place: string, query: Json][] = [
    ['query', {}],
    ['window.from', within({ from: '2026-01-02T00:00:00Z', to: '2026-01-02T00:00:00Z' })],
    ['window.from', within({ from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' })],
    ['window.from', within({ from: '2025-01-01T00:00:00Z', to: '2026-06-01T00:00:00Z' })],
    ['window.from', within({ from: '1899-12-31T00:00:00Z', to: '2026-06-01T00:00:00Z' })],
    ['window.from', within({ last: '34560001s' })],
    ['window.to', within({ to: '2300-01-01T00:00:00Z' })],
    ['window.last', within({ last: '0s' })],
    ['window.last', within({ last: '-1s' })],
    ['window.last', within({ last: '1s', from: '2026-01-01T00:00:00Z' })],
    ['window.time_zone', within({ timeZone: 'Mars/Olympus' })],
    ['window.time_zone', within({ timeZone: "UTC'); DROP TABLE events" })],
    ['window.time_zone', within({ timeZone: '+02:00' })],
    ['window.basis', within({ basis: 7 })],
    ['window.week_start', within({ weekStart: 7 })],
    ['filter', { ...count, filter: {} }],
    [
      'filter.all.filters[2].comparison.field',
      {
        ...count,
        filter: {
          all: { filters: [nested(1), nested(2), { comparison: { field: 'nothing', exists: true } }] },
        },
      },
    ],
    ['filter.any.filters[0].not', { ...count, filter: { any: { filters: [{ not: {} }] } } }],
    ['filter.not.not.not.not.not.not.not.not', { ...count, filter: nested(9) }],
    ['filter.any.filters[100]', many(101)],
    ['filter.comparison', compare({ field: 'id' })],
    ['filter.comparison.field', compare({ exists: true })],
    ['filter.comparison.field', compare({ field: 'payload', exists: true })],
    ['filter.comparison.field', compare({ field: 'payload.', exists: true })],
    ['filter.comparison.field', compare({ field: 'payload[', exists: true })],
    ['filter.comparison.field', compare({ field: 'payload["x]', exists: true })],
    ['filter.comparison.field', compare({ field: 'payload["\\q"]', exists: true })],
    ['filter.comparison.field', compare({ field: 'payload[100001]', exists: true })],
    ['filter.comparison.field', compare({ field: 'payload.a b', exists: true })],
    ['filter.comparison.field', compare({ field: 'payloads.a', exists: true })],
    ['filter.comparison.field', compare({ field: 'payload["a\\u0000"]', exists: true })],
    ['filter.comparison.field', compare({ field: 'payload["\\ud800"]', exists: true })],
    ['filter.comparison.field', compare({ field: `payload${'.a'.repeat(17)}`, exists: true })],
    ['filter.comparison.field', compare({ field: `payload.${'a'.repeat(512)}`, exists: true })],
    ['filter.comparison.field', compare({ field: 'constructor', exists: true })],
    ['filter.comparison.equals', compare({ field: 'id', equals: 1 })],
    ['filter.comparison.equals', compare({ field: 'priority', equals: '1' })],
    ['filter.comparison.equals', compare({ field: 'id', equals: null })],
    ['filter.comparison.equals', compare({ field: 'payload.a', equals: {} })],
    ['filter.comparison.equals', compare({ field: 'payload.a', equals: [] })],
    ['filter.comparison.equals', compare({ field: 'payload.a', equals: 'a\0' })],
    ['filter.comparison.equals', compare({ field: 'payload.a', equals: 'a'.repeat(4_097) })],
    ['filter.comparison.equals', compare({ field: 'receivedAt', equals: 'yesterday' })],
    ['filter.comparison.in[1]', compare({ field: 'payload.a', in: ['a', null] })],
    ['filter.comparison.in[1]', compare({ field: 'priority', in: [1, 'a'] })],
    ['filter.comparison.in[1]', compare({ field: 'occurredAt', in: ['2026-01-01T00:00:00Z', 'x'] })],
    ['filter.comparison.in', compare({ field: 'payload.a', in: repeated(1_001, String) })],
    ['filter.comparison.contains', compare({ field: 'priority', contains: '1' })],
    ['filter.comparison.contains', compare({ field: 'id', contains: 'a\0' })],
    ['filter.comparison.starts_with', compare({ field: 'receivedAt', startsWith: '2026' })],
    ['filter.comparison.starts_with', compare({ field: 'payload.a', startsWith: 'a'.repeat(4_097) })],
    ['filter.comparison.range', compare({ field: 'payload.a', range: {} })],
    ['filter.comparison.range.gt', compare({ field: 'payload.a', range: { gt: 'a' } })],
    ['filter.comparison.range.lt', compare({ field: 'type', range: { lt: 'a' } })],
    ['filter.comparison.range.lte', compare({ field: 'type', range: { lte: 1 } })],
    ['filter.comparison.range.gte', compare({ field: 'occurredAt', range: { gte: 1 } })],
    ['filter.comparison.range.gte', compare({ field: 'occurredAt', range: { gte: '2026' } })],
    ['time_series.interval', series({ interval: 9 })],
    ['time_series.interval', series({ interval: 'INTERVAL_MINUTE' }, { last: '300001s' })],
    ['time_series.top', series({ top: 51, breakdown: 'type' })],
    ['time_series.breakdown', series({ breakdown: 'nothing' })],
    ['time_series.measures', series({ measures: repeated(11, (i) => ({ name: `m${i}` })) })],
    ['time_series.measures[1].name', series({ measures: [{}, {}] })],
    ['time_series.measures[0].name', series({ measures: [{ name: 'time' }] })],
    ['time_series.measures[0].name', series({ breakdown: 'type', measures: [{ name: 'type' }] })],
    ['time_series.measures[1].name', series({ compare: true, measures: [{}, { name: 'count:before' }] })],
    ['breakdown.fields', breakdown({ fields: [] })],
    ['breakdown.fields', breakdown({ fields: ['type', 'type'] })],
    ['breakdown.fields', breakdown({ fields: ['type', 'id', 'userId', 'source'] })],
    ['breakdown.fields[1]', breakdown({ fields: ['type', 'nothing'] })],
    ['breakdown.limit', breakdown({ limit: 1_001 })],
    ['breakdown.measures[0].aggregation', breakdown({ measures: [{ aggregation: 99, field: 'priority' }] })],
    ['breakdown.measures[0].field', breakdown({ measures: [{ field: 'type' }] })],
    ['breakdown.measures[0].field', breakdown({ measures: [{ aggregation: 'AGGREGATION_SUM' }] })],
    [
      'breakdown.measures[0].field',
      breakdown({ measures: [{ aggregation: 'AGGREGATION_SUM', field: 'type' }] }),
    ],
    [
      'breakdown.measures[0].level',
      breakdown({ measures: [{ aggregation: 'AGGREGATION_QUANTILE', field: 'priority', level: 1.01 }] }),
    ],
    [
      'breakdown.measures[0].level',
      breakdown({ measures: [{ aggregation: 'AGGREGATION_QUANTILE', field: 'priority', level: 'NaN' }] }),
    ],
    ['breakdown.measures[0].name', breakdown({ measures: [{ name: 'n'.repeat(65) }] })],
    ['breakdown.measures[0].name', breakdown({ measures: [{ name: 'a\0' }] })],
    ['breakdown.measures[0].name', breakdown({ measures: [{ name: 'share' }] })],
    ['breakdown.measures[0].name', breakdown({ measures: [{ name: 'type' }] })],
  ];
  for (const [place, query] of refused) {
    test(`${place}: ${JSON.stringify(query).slice(0, 90)}`, async () => {
      await assert.rejects(ask(query), (error: { code?: string; message?: string }) => {
        assert.equal(error.code, 'invalid_argument', error.message);
        assert.equal(error.message?.split(': ')[0], place, error.message);
        return true;
      });
    });
  }

  test('workspace_id', async () => {
    await assert.rejects(ask(count, ''), { code: 'invalid_argument', message: /^workspace_id: / });
  });
});

describe('what is just within the limits is asked', () => {
  const accepted: Record<string, Json> = {
    'a window of 400 days': within({ last: '34560000s' }),
    'the time zone in other letters': within({ timeZone: 'europe/berlin' }),
    'a filter 8 deep': { ...count, filter: nested(8) },
    '100 comparisons': many(100),
    '1000 values': compare({ field: 'payload.a', in: repeated(1_000, String) }),
    '4096 characters': compare({ field: 'payload.a', equals: 'a'.repeat(4_096) }),
    '16 parts': compare({ field: `payload${'.a'.repeat(16)}`, exists: true }),
    '5000 buckets': series({ interval: 'INTERVAL_MINUTE' }, { last: '300000s' }),
    '10 figures': series({ measures: repeated(10, (i) => ({ name: `m${i}` })) }),
    'a figure called share where there is no share': breakdown({
      measures: [{ aggregation: 'AGGREGATION_MAX', field: 'priority', name: 'share' }],
    }),
    '3 fields and 1000 rows': breakdown({ fields: ['type', 'payload.a', 'payload[0]'], limit: 1_000 }),
  };
  for (const [name, query] of Object.entries(accepted)) {
    test(name, async () => {
      assert.equal((await ask(query)).case, 'table');
    });
  }
});
