import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type MessageInitShape, toJson } from '@bufbuild/protobuf';
import { timestampFromMs, ValueSchema } from '@bufbuild/protobuf/wkt';
import {
  Interval,
  type Query,
  type QuerySchema,
  RetentionKind,
  StepOrder,
} from '@millrace/contracts/millrace/query/v1/query';
import { type AnalyticsWorld, createAnalyticsWorld } from '../../test/analytics-world.ts';
import {
  bruteForceFunnel,
  bruteForcePaths,
  bruteForceRetention,
  type StepRow,
  type StepTest,
} from '../../test/brute-force-questions.ts';
import { createRandom } from '../../test/random.ts';

const HOUR = 3_600_000;
const FROM_MS = Date.UTC(2026, 9, 20, 5, 30);
const TO_MS = FROM_MS + 5 * 24 * HOUR;
const window = { from: timestampFromMs(FROM_MS), to: timestampFromMs(TO_MS) };
const TYPES = ['a', 'b', 'c', 'd'] as const;
const random = createRandom(7);
const CALL = { timeoutMs: 20_000 };

let world: AnalyticsWorld;
let methods: ReturnType<AnalyticsWorld['startReplica']>['methods'];
const rows: StepRow[] = [];

before(async () => {
  world = await createAnalyticsWorld();
  const replica = world.startReplica();
  methods = replica.methods;
  await replica.app.prepared;
  for (let seq = 0; seq < 700; seq++) {
    const user = random.below(12) === 0 ? '' : `u${random.below(25)}`;
    // Whole minutes of few hours, so that many events share a moment; some outside of the window, some on its edges.
    const t = random.pick([
      FROM_MS - 60_000 + random.below(2) * 60_000,
      TO_MS - random.below(2),
      FROM_MS + random.below(120) * HOUR,
      FROM_MS + random.below(5) * 24 * HOUR + random.below(90) * 60_000,
    ]);
    const plan = random.below(4) === 0 ? undefined : random.pick(['gold', 'free']);
    rows.push({ type: random.pick(TYPES), user, session: user === '' ? '' : `s-${user}`, plan, t, seq });
  }
  await world.client.insert({
    table: 'events',
    format: 'JSONEachRow',
    columns: [
      'workspace_id',
      'event_id',
      'event_type',
      'dialect',
      'user_id',
      'session_id',
      'payload',
      'metadata',
      'occurred_at_ms',
      'received_at_ms',
      '_seq',
    ],
    values: rows.flatMap((row) =>
      ['w1', 'w2'].map((workspace_id) => ({
        workspace_id,
        event_id: `e${row.seq}`,
        // The other workspace has the same ids, and other types.
        event_type: workspace_id === 'w1' ? row.type : 'a',
        dialect: 'native',
        user_id: row.user,
        session_id: row.session,
        payload: JSON.stringify(row.plan === undefined ? {} : { plan: row.plan }),
        metadata: '{}',
        occurred_at_ms: row.t,
        received_at_ms: row.t,
        _seq: row.seq,
      })),
    ),
  });
});
after(() => world.close());

type QueryInit = Exclude<MessageInitShape<typeof QuerySchema>, Query>;
type Question = NonNullable<QueryInit['question']>;

async function ask(question: Question, query: Partial<QueryInit> = {}): Promise<unknown[][]> {
  const { answer } = await methods.runQuery(
    { workspaceId: 'w1', query: { window, question, ...query } },
    CALL,
  );
  assert.ok(answer.case === 'table');
  return answer.value.rows.map(({ values }) => values.map((value) => toJson(ValueSchema, value)));
}

const inside = () => rows.filter(({ t }) => t >= FROM_MS && t < TO_MS);
const ofType =
  (type: string): StepTest =>
  (row) =>
    row.type === type;

/** Equal, but for what sums of fractions differ in. */
function assertClose(actual: unknown, expected: unknown): void {
  const rounded = (value: unknown): unknown =>
    JSON.parse(JSON.stringify(value), (_, one) =>
      typeof one === 'number' ? Number(one.toPrecision(10)) : one,
    );
  assert.deepEqual(rounded(actual), rounded(expected));
}

describe('funnels', () => {
  const golden = {
    condition: {
      case: 'comparison',
      value: {
        field: 'payload.plan',
        test: { case: 'equals', value: { kind: { case: 'stringValue', value: 'gold' } } },
      },
    },
  } as const;
  const isGolden: StepTest = (row) => row.plan === 'gold';
  const cases: { name: string; steps: { type?: string; filter?: typeof golden }[]; tests: StepTest[] }[] = [
    { name: 'two steps', steps: [{ type: 'a' }, { type: 'b' }], tests: [ofType('a'), ofType('b')] },
    {
      name: 'four steps',
      steps: TYPES.map((type) => ({ type })),
      tests: TYPES.map(ofType),
    },
    {
      name: 'the same step again',
      steps: [{ type: 'a' }, { type: 'a' }, { type: 'a' }],
      tests: [ofType('a'), ofType('a'), ofType('a')],
    },
    {
      name: 'steps that overlap',
      steps: [{}, { filter: golden }, { type: 'c', filter: golden }],
      tests: [() => true, isGolden, (row) => row.type === 'c' && isGolden(row)],
    },
    {
      name: 'a step that nobody takes',
      steps: [{ type: 'nothing' }, { type: 'a' }],
      tests: [ofType('nothing'), ofType('a')],
    },
  ];
  for (const { name, steps, tests } of cases) {
    for (const strict of [false, true]) {
      for (const withinMs of [60_000, HOUR, 48 * HOUR]) {
        test(`${name}, ${strict ? 'strict' : 'loose'}, within ${withinMs / 60_000} minutes`, async () => {
          for (const byPlan of [false, true]) {
            const found = await ask({
              case: 'funnel',
              value: {
                steps,
                conversionWindow: { seconds: BigInt(withinMs / 1_000) },
                order: strict ? StepOrder.STRICT : StepOrder.LOOSE,
                breakdown: byPlan ? 'payload.plan' : '',
              },
            });
            const expected = bruteForceFunnel(inside(), { steps: tests, withinMs, strict, byPlan });
            assertClose(
              found.map((row) => {
                const [plan, step, , count, conversion, fromPrevious, medianSeconds, averageSeconds] = byPlan
                  ? row
                  : [null, ...row];
                return { plan, step, count, conversion, fromPrevious, medianSeconds, averageSeconds };
              }),
              expected,
            );
          }
        });
      }
    }
  }
});

describe('retention', () => {
  for (const kind of [RetentionKind.FIRST_TIME, RetentionKind.RETURNING]) {
    for (const [start, comeback] of [
      ['', ''],
      ['a', ''],
      ['a', 'b'],
    ] as const) {
      test(`${RetentionKind[kind]} by day, ${start || 'any'} then ${comeback || 'any'}`, async () => {
        const found = await ask({
          case: 'retention',
          value: { period: Interval.DAY, kind, start: { type: start }, return: { type: comeback } },
        });
        const expected = bruteForceRetention(inside(), {
          start: start === '' ? () => true : ofType(start),
          comeback: comeback === '' ? () => true : ofType(comeback),
          firstTime: kind === RetentionKind.FIRST_TIME,
          fromMs: FROM_MS,
          toMs: TO_MS,
        });
        assertClose(
          found,
          expected.map(({ cohort, size, period, count }) => [
            new Date(cohort).toISOString(),
            size,
            period,
            count,
            count / size,
          ]),
        );
      });
    }
  }
});

describe('retention from rollups and from rows', () => {
  const isNamed = {
    condition: { case: 'comparison', value: { field: 'type', test: { case: 'exists', value: true } } },
  } as const;
  // Some of them half an hour off; in one the clocks are changed within the window.
  const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe'];
  for (const timeZone of zones) {
    test(timeZone, async () => {
      for (const by of ['userId', 'sessionId']) {
        for (const kind of [RetentionKind.FIRST_TIME, RetentionKind.RETURNING]) {
          const question: Question = { case: 'retention', value: { period: Interval.DAY, kind, by } };
          const answer = await ask(question, { window: { ...window, timeZone } });
          // The condition holds for every event, and keeps the question from the rollups.
          const ofRows = await ask(question, { window: { ...window, timeZone }, filter: isNamed });
          assert.ok(answer.length > 3);
          assert.deepEqual(answer, ofRows);
        }
      }
    });
  }
});

describe('paths', () => {
  for (const length of [2, 3, 10]) {
    for (const startType of ['', 'b', 'nothing']) {
      test(`of ${length}, from ${startType || 'the first'}`, async () => {
        for (const mergeRepeats of [false, true]) {
          for (const pauseMs of [60_000, 5 * HOUR]) {
            const limit = 50;
            const found = await ask({
              case: 'paths',
              value: { length, startType, mergeRepeats, limit, pause: { seconds: BigInt(pauseMs / 1_000) } },
            });
            const expected = bruteForcePaths(inside(), { length, startType, mergeRepeats, pauseMs, limit });
            assertClose(
              found,
              expected.map(({ path, count, share }) => [path, count, share]),
            );
          }
        }
      });
    }
  }
});

test('names the field that it refuses', async () => {
  const step = { type: 'a' };
  const refused: readonly (readonly [Question, RegExp])[] = [
    [{ case: 'funnel', value: { steps: [step] } }, /^funnel\.steps: /],
    [{ case: 'funnel', value: { steps: Array(11).fill(step) } }, /^funnel\.steps: /],
    [{ case: 'funnel', value: { steps: [step, step], by: 'type' } }, /^funnel\.by: /],
    [{ case: 'funnel', value: { steps: [step, step], breakdown: 'nothing' } }, /^funnel\.breakdown: /],
    [
      { case: 'funnel', value: { steps: [step, step], conversionWindow: { seconds: 0n } } },
      /^funnel\.conversion_window: /,
    ],
    [{ case: 'funnel', value: { steps: [step, { type: 'x'.repeat(256) }] } }, /^funnel\.steps\[1\]\.type: /],
    [{ case: 'retention', value: { period: Interval.HOUR } }, /^retention\.period: /],
    [{ case: 'paths', value: { length: 11 } }, /^paths\.length: /],
    [{ case: 'paths', value: { limit: 1_001 } }, /^paths\.limit: /],
    [{ case: undefined }, /^query: /],
  ];
  for (const [question, message] of refused) {
    await assert.rejects(ask(question), { code: 'invalid_argument', message });
  }
});
