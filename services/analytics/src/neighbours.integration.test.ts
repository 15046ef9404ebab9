import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { TimeRange } from '@millrace/contracts/millrace/analytics/v1/analytics';
import type { MillraceError } from '@millrace/runtime';
import { eventually } from '@millrace/testkit';
import { type AnalyticsWorld, createAnalyticsWorld } from '../test/analytics-world.ts';

/** So many questions of a workspace run at once, and so many more wait. */
const QUESTIONS = { running: 3, waiting: 20 };
const EVENTS = 8_000;
/** Of which each is looked for in each of the workspace's events. */
const PATHS = 30;
const CALL = { timeoutMs: 120_000 };
const window = { from: timestampFromMs(Date.now() - 3_600_000), to: timestampFromMs(Date.now() + 3_600_000) };

let world: AnalyticsWorld;
let methods: ReturnType<AnalyticsWorld['startReplica']>['methods'];
before(async () => {
  world = await createAnalyticsWorld();
  const replica = world.startReplica();
  methods = replica.methods;
  await replica.app.prepared;
  // 1,000 keys an event, each another one; and a neighbour with a handful of plain ones.
  await world.client.command({
    query: `INSERT INTO events (workspace_id, event_id, event_type, dialect, user_id, session_id, payload, metadata, occurred_at, received_at, _seq)
SELECT if(number < {events:UInt32}, 'heavy', 'neighbour'), toString(number), 'view', 'native', concat('u', toString(number % 10)), '',
  if(number < {events:UInt32}, concat('{', arrayStringConcat(arrayMap(i -> concat('"k', toString(number), '_', toString(i), '":', toString(i)), range(1000)), ','), '}'), '{"plan":"gold"}'),
  '{}', now64(3), now64(3), number + 1
FROM numbers({events:UInt32} + 10)`,
    query_params: { events: EVENTS },
  });
});
after(() => world?.close());

/** Takes far longer than what the neighbour asks. */
function askHard(workspaceId: string, signal: AbortSignal): Promise<unknown> {
  const filters = Array.from({ length: PATHS }, (_, i) => ({
    condition: {
      case: 'comparison' as const,
      value: { field: `payload.none_${i}`, test: { case: 'exists' as const, value: true } },
    },
  }));
  const filter = { condition: { case: 'any' as const, value: { filters } } };
  const question = { case: 'breakdown' as const, value: { fields: ['type'] } };
  const asked = methods.runQuery({ workspaceId, query: { window, filter, question } }, { ...CALL, signal });
  asked.catch(() => undefined);
  return asked;
}

const askEasy = async (workspaceId: string) => {
  const question = { case: 'breakdown' as const, value: { fields: ['payload.plan'] } };
  const { answer } = await methods.runQuery({ workspaceId, query: { window, question } }, CALL);
  assert.ok(answer.case === 'table');
  return answer.value.rows.map(({ values }) => values.map(({ kind }) => kind.value));
};
const metricsOf = (workspaceId: string, eventType = '') =>
  methods.getMetrics({ workspaceId, timeRange: TimeRange.TIME_RANGE_1H, eventType }, CALL);
const outcome = (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => 'answered',
    ({ code }: MillraceError) => code,
  );

const running = async () => {
  const [row] = await world.rows(
    "SELECT count() AS n FROM system.processes WHERE position(query, concat('path', '_29')) > 0",
  );
  return Number(row?.['n']);
};

test('a workspace whose questions take long has its own refused, and its neighbour is answered', async () => {
  const leaving = new AbortController();
  const hard = Array.from({ length: QUESTIONS.running + QUESTIONS.waiting }, () =>
    outcome(askHard('heavy', leaving.signal)),
  );
  await eventually(async () => assert.equal(await running(), QUESTIONS.running));
  await assert.rejects(askEasy('heavy'), { code: 'resource_exhausted' });
  assert.deepEqual(await askEasy('neighbour'), [['gold', 10, 1]]);
  assert.equal((await metricsOf('neighbour')).totalEvents, 10n);
  leaving.abort();
  // Some may have waited for as long as they may.
  for (const one of await Promise.all(hard)) assert.match(one, /^(canceled|resource_exhausted)$/);
  // ClickHouse looks whether anybody waits once it has done with some megabytes.
  await eventually(async () => assert.equal(await running(), 0), { timeoutMs: 100_000 });
});

test('a workspace that asks for a hundred dashboards has some refused, and its neighbour is answered', async () => {
  const many = Array.from({ length: 100 }, (_, i) => outcome(metricsOf('heavy', `type-${i}`)));
  const neighbour = await metricsOf('neighbour', 'view');
  assert.equal(neighbour.totalEvents, 10n);
  const outcomes = Map.groupBy(await Promise.all(many), (one) => one);
  assert.deepEqual([...outcomes.keys()].sort(), ['answered', 'resource_exhausted']);
  assert.equal((await metricsOf('heavy')).totalEvents, BigInt(EVENTS));
});
