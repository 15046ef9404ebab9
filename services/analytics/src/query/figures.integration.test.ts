import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { JsonValue } from '@bufbuild/protobuf';
import { ReadBy } from '@millrace/contracts/millrace/query/v1/query';
import type { FilterJson, WindowOfRows } from '../../test/event-model.ts';
import type { IntervalName } from '../../test/local-time.ts';
import {
  bruteForceBreakdown,
  bruteForceTimeSeries,
  type FiguresQuestion,
  type MeasureJson,
} from '../../test/query-brute-force.ts';
import { assertSameRows, createQueryWorld, type QueryWorld } from '../../test/query-world.ts';
import { createRandom } from '../../test/random.ts';
import {
  COLUMNS,
  NUMBERS,
  PATHS,
  randomEvents,
  randomFilter,
  randomTime,
  ZONES,
} from '../../test/random-events.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const random = createRandom(20_261_127);
const events = randomEvents(random, 3_000);

let world: QueryWorld;
before(async () => {
  world = await createQueryWorld(events);
});
after(() => world.close());

function randomMeasures(): MeasureJson[] {
  const measure = (): MeasureJson =>
    random.pick<() => MeasureJson>([
      () => ({}),
      () => ({ aggregation: 'AGGREGATION_UNIQUE', field: random.pick([...COLUMNS, ...PATHS]) }),
      () => ({ aggregation: 'AGGREGATION_SUM', field: random.pick(NUMBERS) }),
      () => ({ aggregation: 'AGGREGATION_AVG', field: random.pick(NUMBERS) }),
      () => ({ aggregation: 'AGGREGATION_MIN', field: random.pick([...NUMBERS, 'payload.odd']) }),
      () => ({ aggregation: 'AGGREGATION_MAX', field: random.pick([...NUMBERS, 'payload.odd']) }),
      () => ({
        aggregation: 'AGGREGATION_QUANTILE',
        field: random.pick([...NUMBERS, 'payload.any']),
        level: random.pick([0, 0.5, 0.9, 1, random.below(1_000) / 999]),
      }),
    ])();
  return Array.from({ length: 1 + random.below(3) }, (_, i) => ({ ...measure(), name: `m${i}` }));
}

/** Half of them begin and end where an event or a bucket does. */
function randomWindow(longestMs: number): WindowOfRows {
  const fromMs = randomTime(random);
  const { receivedMs } = random.pick(events);
  const edge = random.pick([fromMs, receivedMs, receivedMs + 1, Math.floor(fromMs / HOUR) * HOUR]);
  return {
    fromMs: edge,
    toMs: edge + random.pick([1, 1 + random.below(longestMs), longestMs]),
    isByOccurrence: random.below(2) === 0,
    zone: random.pick(ZONES),
    isSundayFirst: random.below(2) === 0,
  };
}

function maybeFilter(): FilterJson | undefined {
  return random.below(2) === 0 ? undefined : randomFilter(random);
}

const LONGEST: Record<IntervalName, number> = {
  MINUTE: 2 * HOUR,
  FIVE_MINUTES: DAY,
  QUARTER_HOUR: 2 * DAY,
  HOUR: 4 * DAY,
  DAY: 30 * DAY,
  WEEK: 200 * DAY,
  MONTH: 400 * DAY,
};

describe('a time series is what the rows say', () => {
  for (const interval of Object.keys(LONGEST) as IntervalName[]) {
    for (const zone of ZONES) {
      test(`${interval} in ${zone}`, async () => {
        for (let round = 0; round < 4; round++) {
          const window = { ...randomWindow(LONGEST[interval]), zone };
          const question: FiguresQuestion = {
            interval,
            measures: randomMeasures(),
            compare: random.below(2) === 0,
            ...(random.below(2) === 0 && {
              breakdown: random.pick([...COLUMNS, ...PATHS]),
              top: random.pick([0, 1, 3, 50]),
            }),
          };
          const filter = maybeFilter();
          const answer = await world.ask({
            question: { timeSeries: { ...(question as object), interval: `INTERVAL_${interval}` } },
            window,
            filter,
          });
          const expected = bruteForceTimeSeries(events, { workspaceId: 'w1', window, filter }, question);
          assertSameRows(answer.rows, expected, { question, window, filter });
        }
      });
    }
  }
});

describe('a breakdown is what the rows say', () => {
  for (const field of [...COLUMNS, ...PATHS]) {
    test(`by ${field}`, async () => {
      for (let round = 0; round < 5; round++) {
        const others = random.below(3) === 0 ? [random.pick([...COLUMNS, ...PATHS])] : [];
        const question: FiguresQuestion = {
          fields: [...new Set([field, ...others])],
          measures: randomMeasures(),
          limit: random.pick([0, 1, 5, 1_000]),
        };
        const window = randomWindow(400 * DAY);
        const filter = maybeFilter();
        const workspaceId = random.pick(['w1', 'w2', 'w3']);
        const answer = await world.ask({
          question: { breakdown: question as JsonValue },
          window,
          filter,
          workspaceId,
        });
        const expected = bruteForceBreakdown(events, { workspaceId, window, filter }, question);
        assertSameRows(answer.rows, expected, { question, window, filter });
      }
    });
  }
});

test('a filter lets through what the rows say', async () => {
  const window: WindowOfRows = {
    fromMs: Date.UTC(2025, 5, 1),
    toMs: Date.UTC(2026, 5, 30),
    isByOccurrence: false,
    zone: 'UTC',
    isSundayFirst: false,
  };
  for (let round = 0; round < 300; round++) {
    const filter = randomFilter(random);
    const { rows } = await world.ask({
      question: { breakdown: { fields: ['type'], limit: 100 } },
      window,
      filter,
    });
    const expected = bruteForceBreakdown(
      events,
      { workspaceId: 'w1', window, filter },
      { fields: ['type'], limit: 100 },
    );
    assertSameRows(rows, expected, filter);
  }
});

test('files have the columns that were named, whatever the names', async () => {
  const names = ['a"b', 'back\\slash', '`tick`', "it's; DROP", 'ÄÖ', '{p0:String}', '%s'];
  const fields = ['payload["quo\\"te\\\\"]', 'payload[""]'];
  const question = { breakdown: { fields, measures: names.map((name) => ({ name })), limit: 3 } };
  const window = { ...randomWindow(DAY), fromMs: Date.UTC(2025, 6, 1), toMs: Date.UTC(2026, 6, 1) };
  const csv = await world.csv({ question, window });
  const [header, ...lines] = csv.trimEnd().split('\n');
  const quoted = [...fields, ...names, 'share'].map((name) => `"${name.replaceAll('"', '""')}"`);
  assert.equal(header, quoted.join(','));
  const { rows } = await world.ask({ question, window });
  assert.equal(lines.length, rows.length);
  assert.equal(Buffer.from(await world.parquet({ question, window })).toString('latin1', 0, 4), 'PAR1');
});

test('an answer says how it was read, and of which time', async () => {
  const window = randomWindow(DAY);
  const columns = await world.ask({ question: { breakdown: { fields: ['userId'] } }, window });
  assert.deepEqual([columns.readBy, columns.unregistered], [ReadBy.COLUMNS, []]);
  assert.deepEqual([columns.fromMs, columns.toMs], [window.fromMs, window.toMs]);
  const json = await world.ask({
    question: {
      breakdown: {
        fields: ['payload.b'],
        measures: [{ aggregation: 'AGGREGATION_SUM', field: 'payload.a' }],
      },
    },
    filter: { comparison: { field: 'metadata.c', exists: true } },
    window,
  });
  assert.deepEqual([json.readBy, json.unregistered], [ReadBy.JSON, ['payload.b', 'payload.a', 'metadata.c']]);
});
