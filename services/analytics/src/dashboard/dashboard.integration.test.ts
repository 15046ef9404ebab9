import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import {
  GetMetricsRequestSchema,
  type GetMetricsResponse,
  GetMetricsResponseSchema,
  TimeRange,
} from '@millrace/contracts/millrace/analytics/v1/analytics';
import { createMetricsRegistry } from '@millrace/runtime';
import { createFixedClock } from '@millrace/testkit';
import { z } from 'zod';
import { type AnalyticsWorld, createAnalyticsWorld } from '../../test/analytics-world.ts';
import { bruteForceDashboard, type EventRow } from '../../test/brute-force.ts';
import { createRandom } from '../../test/random.ts';
import { recordingClient } from '../../test/recording-client.ts';
import { createAnalyticsMetrics } from '../metrics.ts';
import { readDashboard } from './dashboard.ts';
import { createDashboardQuestions, type DashboardQuestions } from './questions.ts';
import { windowOf } from './window.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Not on the edge of any bucket. */
const NOW_MS = Date.UTC(2026, 10, 24, 12, 34, 56, 789);
const CALL = { timeoutMs: 10_000 };
const RANGES = [
  { timeRange: TimeRange.TIME_RANGE_15M, lengthMs: 15 * MINUTE, bucketMs: MINUTE },
  { timeRange: TimeRange.TIME_RANGE_1H, lengthMs: HOUR, bucketMs: 5 * MINUTE },
  { timeRange: TimeRange.TIME_RANGE_24H, lengthMs: DAY, bucketMs: 15 * MINUTE },
  { timeRange: TimeRange.TIME_RANGE_7D, lengthMs: 7 * DAY, bucketMs: 2 * HOUR },
];
const TYPES = ['click', 'page_view', 'purchase', "it's; DROP", 'tab\there', 'ÄÖ', 'back\\slash'];
const random = createRandom(20_261_124);

let world: AnalyticsWorld;
let rows: EventRow[];
let questions: DashboardQuestions;

before(async () => {
  world = await createAnalyticsWorld();
  await world.startReplica().app.prepared;
  for (let part = 0; part < 4; part++) await insertSome(800);
  rows = await readRows();
  questions = createDashboardQuestions({ client: world.client, metrics: metricsForTests() });
});
after(() => world.close());

const metricsForTests = () =>
  createAnalyticsMetrics(createMetricsRegistry({ service: 'test', version: '0' }));

/** Rows in no order; many on the very edges of windows, buckets, quarter hours and hours. */
async function insertSome(count: number): Promise<void> {
  const values = Array.from({ length: count }, () => {
    const user = random.below(10) === 0 ? '' : `User_${random.below(60)}`;
    return {
      workspace_id: random.pick(['w1', 'w1', 'w2']),
      event_id: `e${random.below(1e9)}`,
      event_type: random.pick(TYPES),
      dialect: 'analytics',
      source: '',
      user_id: user,
      session_id: random.below(8) === 0 ? '' : `s${user}${random.below(3)}`,
      payload: '{}',
      metadata: '{}',
      occurred_at_ms: NOW_MS,
      received_at_ms: someTime(),
    };
  });
  await world.client.insert({
    table: 'events',
    format: 'JSONEachRow',
    values,
    columns: Object.keys(values[0] ?? {}) as [string],
  });
}

function someTime(): number {
  const { lengthMs, bucketMs } = random.pick(RANGES);
  const within = NOW_MS - random.below(lengthMs);
  const unit = random.pick([bucketMs, 15 * MINUTE, HOUR]);
  const jitter = random.below(3) - 1;
  switch (random.below(4)) {
    case 0:
      return Math.floor(within / unit) * unit + jitter;
    case 1:
      return random.pick([NOW_MS, NOW_MS - lengthMs]) + jitter;
    default:
      return within;
  }
}

const eventRow = z.object({
  workspaceId: z.string(),
  eventType: z.string(),
  userId: z.string(),
  userHash: z.coerce.bigint(),
  sessionId: z.string(),
  receivedMs: z.coerce.number(),
});

async function readRows(): Promise<EventRow[]> {
  const found = await world.rows(
    `SELECT workspace_id AS workspaceId, event_type AS eventType, user_id AS userId, user_h AS userHash,
      session_id AS sessionId, toUnixTimestamp64Milli(received_at) AS receivedMs FROM events`,
  );
  return found.map((row) => eventRow.parse(row));
}

const readAt = async (nowMs: number, wish: MessageInitShape<typeof GetMetricsRequestSchema>) => {
  const request = create(GetMetricsRequestSchema, wish);
  const figures = await readDashboard(
    questions,
    request,
    createFixedClock(nowMs),
    AbortSignal.timeout(10_000),
  );
  return create(GetMetricsResponseSchema, figures);
};

/** The answer in the brute force's words. */
function figuresOf(answer: GetMetricsResponse) {
  return {
    totalEvents: Number(answer.totalEvents),
    eventsByType: answer.eventsByType.map(({ eventType, count, percentage }) => ({
      eventType,
      count: Number(count),
      percentage,
    })),
    topUsers: answer.topUsers.map(({ userId, eventCount, lastEventAt, eventTypes }) => ({
      userId,
      eventCount: Number(eventCount),
      lastMs: lastEventAt && timestampMs(lastEventAt),
      eventTypes,
    })),
    eventsOverTime: answer.eventsOverTime.map(({ start, count }) => ({
      startMs: start && timestampMs(start),
      count: Number(count),
    })),
    avgEventsPerUser: answer.avgEventsPerUser,
    uniqueUsers: Number(answer.uniqueUsers),
    uniqueSessions: Number(answer.uniqueSessions),
  };
}

describe('every figure is what the rows say', () => {
  const filters = [
    { eventType: '', userIdPart: '' },
    ...TYPES.map((eventType) => ({ eventType, userIdPart: '' })),
    ...['user_1', 'SER_', '9', "'", 'nobody', '%', '_1', 'user_59'].map((userIdPart) => ({
      eventType: '',
      userIdPart,
    })),
    { eventType: 'click', userIdPart: 'USER_2' },
    { eventType: 'unknown', userIdPart: '' },
  ];
  for (const { timeRange, lengthMs, bucketMs } of RANGES) {
    for (const filter of filters) {
      test(`${TimeRange[timeRange]} ${JSON.stringify(filter)}`, async () => {
        for (const workspaceId of ['w1', 'w2', 'w3']) {
          // Ends on edges and off them.
          const shift = random.pick([0, 1, -(NOW_MS % HOUR), -(NOW_MS % MINUTE), -random.below(DAY)]);
          const endMs = NOW_MS + shift;
          const startMs = endMs - lengthMs;
          const answer = await readAt(endMs, { workspaceId, timeRange, ...filter });
          const expected = bruteForceDashboard(rows, { workspaceId, startMs, endMs, bucketMs, ...filter });
          assert.deepEqual(figuresOf(answer), expected);
          assert.equal(answer.start && timestampMs(answer.start), startMs);
          assert.equal(answer.end && timestampMs(answer.end), endMs);
        }
      });
    }
  }
});

test('a range that is not known is an hour', async () => {
  const { start, eventsOverTime } = await readAt(NOW_MS, { workspaceId: 'w1' });
  assert.equal(start && timestampMs(start), NOW_MS - HOUR);
  assert.equal(eventsOverTime.length, 13);
});

test('names the field that it refuses', async () => {
  const refused = { code: 'invalid_argument' };
  await assert.rejects(readAt(NOW_MS, {}), { ...refused, message: /^workspace_id: / });
  await assert.rejects(readAt(NOW_MS, { workspaceId: 'w1', eventType: 'x'.repeat(256) }), {
    ...refused,
    message: /^event_type: /,
  });
  await assert.rejects(readAt(NOW_MS, { workspaceId: 'w1', userIdPart: 'x'.repeat(129) }), {
    ...refused,
    message: /^user_id_part: /,
  });
});

test('an answer is shared for a while, by workspace, window and filters', async () => {
  const { app, methods } = world.startReplica(createFixedClock(NOW_MS));
  await app.prepared;
  const ask = (wish: object) => methods.getMetrics({ workspaceId: 'w1', ...wish }, CALL);
  const both = await Promise.all([ask({}), ask({})]);
  assert.deepEqual(both.map(({ fromCache }) => fromCache).sort(), [false, true]);
  const again = await ask({});
  assert.equal(again.fromCache, true);
  assert.deepEqual(figuresOf(again), figuresOf(both[0]));
  for (const wish of [
    { workspaceId: 'w2' },
    { eventType: 'click' },
    { userIdPart: '1' },
    { timeRange: TimeRange.TIME_RANGE_7D },
  ]) {
    assert.equal((await ask(wish)).fromCache, false);
  }
});

/** A dashboard of its own, which tells which rollups its statements read, as far as ClickHouse lets itself be asked. */
function createRecorded() {
  const { client, asked } = recordingClient(world.client);
  const recorded = createDashboardQuestions({ client, metrics: metricsForTests() });
  return async (timeRange: TimeRange) => {
    asked.length = 0;
    const { startMs, endMs, bucketMs } = windowOf(timeRange, NOW_MS);
    const window = { startMs, endMs, bucketMs };
    const selection = { workspaceId: 'w1', window, eventType: '', userIdPart: '' };
    const figures = await recorded.figures(selection, AbortSignal.timeout(10_000));
    const rollups = asked.map(({ query }) =>
      [...query.matchAll(/mergeTreeProjection\(.*'(p_\w+)'\)/g)].map(([, projection]) => projection ?? ''),
    );
    return { figures, rollups: rollups.toSorted() };
  };
}

describe('what is read', () => {
  const cases = [
    { timeRange: TimeRange.TIME_RANGE_1H, reads: [[], []] },
    { timeRange: TimeRange.TIME_RANGE_24H, reads: [[], []] },
    { timeRange: TimeRange.TIME_RANGE_7D, reads: [[], ['p_type'], ['p_user'], ['p_user']] },
  ];
  for (const { timeRange, reads } of cases) {
    test(`${TimeRange[timeRange]}: ${JSON.stringify(reads)}, and nobody is asked about twice`, async () => {
      const read = createRecorded();
      const first = await read(timeRange);
      assert.deepEqual(first.rollups, reads);
      assert.deepEqual(await read(timeRange), first);
    });
  }
});

describe('whoever was in front last time', () => {
  const selection = { timeRange: TimeRange.TIME_RANGE_7D, workspaceId: 'w1' };
  const mutate = (query: string) =>
    world.client.command({ query, clickhouse_settings: { mutations_sync: '2' } });
  const changes: Readonly<Record<string, () => Promise<unknown>>> = {
    'is told of as they are now': () => insertSome(400),
    'is told of no more when they are deleted': async () => {
      const { topUsers } = await readAt(NOW_MS, selection);
      const userIds = topUsers.slice(0, 3).map(({ userId }) => `'${userId}'`);
      await mutate(`ALTER TABLE events DELETE WHERE user_id IN (${userIds.join(', ')})`);
    },
  };
  for (const [what, change] of Object.entries(changes)) {
    test(what, async () => {
      await readAt(NOW_MS, selection);
      await change();
      const { startMs, endMs, bucketMs } = windowOf(selection.timeRange, NOW_MS);
      const none = { eventType: '', userIdPart: '' };
      const expected = { workspaceId: 'w1', startMs, endMs, bucketMs, ...none };
      assert.deepEqual(
        figuresOf(await readAt(NOW_MS, selection)),
        bruteForceDashboard(await readRows(), expected),
      );
    });
  }
});

test('a part without its rollups is read row by row, to the same figures', async () => {
  const read = createRecorded();
  const before = await read(TimeRange.TIME_RANGE_7D);
  for (const projection of ['p_type', 'p_user']) {
    await world.client.command({
      query: `ALTER TABLE events CLEAR PROJECTION ${projection}`,
      clickhouse_settings: { mutations_sync: '2' },
    });
    const { figures } = await read(TimeRange.TIME_RANGE_7D);
    assert.deepEqual(figures, before.figures, projection);
  }
  const { rollups } = await read(TimeRange.TIME_RANGE_7D);
  assert.deepEqual(rollups, [[], [], [], [], ['p_type'], ['p_user'], ['p_user']]);
});
