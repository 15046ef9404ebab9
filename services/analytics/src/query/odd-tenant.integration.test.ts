import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { JsonValue } from '@bufbuild/protobuf';
import { type PropertySlot, parseField } from '@millrace/wire';
import type { ComparisonJson, FilterJson, QueryEvent, WindowOfRows } from '../../test/event-model.ts';
import { bruteForceBreakdown, type FiguresQuestion, type MeasureJson } from '../../test/query-brute-force.ts';
import { assertSameRows, createQueryWorld, type QueryWorld } from '../../test/query-world.ts';
import { createRandom } from '../../test/random.ts';
import { type PropertyColumns, propertyKey } from './statement.ts';

/** Of the odd tenant's events; the neighbour has as many with the same ids and names. */
const EVENTS = 30;
const KEYS = 1_000;
const FROM_MS = Date.UTC(2026, 3, 1);
const WINDOW: WindowOfRows = {
  fromMs: FROM_MS,
  toMs: FROM_MS + 86_400_000,
  isByOccurrence: false,
  zone: 'UTC',
  isSundayFirst: false,
};
/** Numbers of which every digit may come; what no double holds is refused at the door. */
const NUMBERS = [
  '123456789012345678901234567',
  '-123456789012345678901234567',
  '18446744073709551615',
  '18446744073709551616',
  '9223372036854775808',
  '9007199254740993',
  '1e300',
  '-1.7976931348623157e300',
  '5e-324',
  '1e-400',
  '-0',
  '0.1000000000000000055511151231257827',
  '1.50',
];
const BIG = 'payload.big';
const KIND = 'payload.kind';
const LAST = 'payload.nested.last';
const VERSION = 1_764_000_000;
const slots: PropertySlot[] = [slotOf(BIG, 'number', 1), slotOf(BIG, 'text', 1), slotOf(KIND, 'text', 2)];

const random = createRandom(27);
const odd = Array.from({ length: EVENTS }, (_, position) => oddEvent('w1', position));
const plain = odd.map((event, i): QueryEvent => {
  const payload = JSON.stringify({ kind: ['a', 'b', 'c'][i % 3], big: i, nested: { last: i % 7 } });
  return { ...event, workspaceId: 'w2', position: EVENTS + i, payload };
});
const events = [...odd, ...plain];

let world: QueryWorld;
before(async () => {
  world = await createQueryWorld(events, () => ({ version: VERSION, slots }));
});
after(() => world?.close());

function slotOf(path: string, kind: PropertySlot['kind'], slot: number): PropertySlot {
  const field = parseField(path, 'path');
  if (field.kind !== 'path') assert.fail(path);
  return { root: field.column, keys: field.keys, kind, slot };
}

/** An event with 1,000 keys that no other one has, before and behind those that are asked about. */
function oddEvent(workspaceId: string, position: number): QueryEvent {
  const keys = Array.from({ length: KEYS }, (_, i) => `"k${position}_${i}":${random.pick(NUMBERS)}`);
  const members = [
    ...keys.slice(KEYS / 2),
    `"big":${random.pick(NUMBERS)}`,
    `"kind":"${random.pick(['a', 'b', 'c'])}"`,
    ...keys.slice(0, KEYS / 2),
    `"nested":{"deep":[${random.pick(NUMBERS)}],"last":${random.pick(NUMBERS)}}`,
  ];
  return {
    ...{ workspaceId, id: `e${position}`, type: 'odd', dialect: 'native', source: '', traceId: '' },
    ...{ userId: `u${position % 9}`, sessionId: '', priority: 1, labels: [], metadata: '{}' },
    ...{ occurredMs: FROM_MS + position, receivedMs: FROM_MS + position, position },
    payload: `{${members.join(',')}}`,
  };
}

const bounds = [0, 2 ** 64, 1.2345678901234568e26];
const comparisons: ComparisonJson[] = [
  ...bounds.flatMap((bound): ComparisonJson[] => [
    { field: BIG, equals: bound },
    { field: BIG, range: { gt: bound } },
    { field: BIG, range: { gte: bound } },
    { field: BIG, range: { lt: bound } },
    { field: LAST, range: { lte: bound } },
    { field: LAST, in: [bound, 'a', true] },
  ]),
  ...[BIG, KIND, LAST, 'payload.k7_3', 'payload.k7_999', 'payload.k7_1000', 'payload.nested.deep[0]'].flatMap(
    (field): ComparisonJson[] => [
      { field, exists: true },
      { field, exists: false },
    ],
  ),
  { field: KIND, equals: 'a' },
  { field: KIND, in: ['b', 'c'] },
  { field: KIND, contains: 'a' },
  { field: KIND, startsWith: 'b' },
  { field: BIG, contains: '1' },
  { field: 'payload.k7_3', range: { gte: -1e308 } },
];
const measures: MeasureJson[] = (['SUM', 'AVG', 'MIN', 'MAX', 'UNIQUE'] as const)
  .flatMap((aggregation) =>
    [BIG, LAST].map((field) => ({ aggregation: `AGGREGATION_${aggregation}` as const, field })),
  )
  .concat([0, 0.5, 1].map((level) => ({ aggregation: 'AGGREGATION_QUANTILE' as never, field: BIG, level })));

async function assertRight(workspaceId: string, question: FiguresQuestion, filter?: FilterJson) {
  const { rows } = await world.ask({
    question: { breakdown: question as JsonValue },
    workspaceId,
    window: WINDOW,
    filter,
  });
  const expected = bruteForceBreakdown(events, { workspaceId, window: WINDOW, filter }, question);
  assertSameRows(rows, expected, { workspaceId, question, filter });
}

for (const isRegistered of [false, true]) {
  describe(`1,000 keys an event and numbers of any length, ${isRegistered ? 'from columns' : 'from JSON'}`, () => {
    before(() => {
      const columns = isRegistered
        ? columnsOf(slots.filter(({ slot, kind }) => slot === 2 || kind === 'number'))
        : new Map();
      world.useProperties(columns);
    });

    for (const workspaceId of ['w1', 'w2']) {
      const whose = workspaceId === 'w1' ? 'its own' : 'its neighbour’s';
      test(`every filter lets through what is ${whose} and meets it`, async () => {
        for (const [i, comparison] of comparisons.entries()) {
          const filter = i % 2 === 0 ? { comparison } : { not: { comparison } };
          await assertRight(workspaceId, { fields: [KIND], limit: 100 }, filter);
        }
      });

      test(`every figure is ${whose}`, async () => {
        for (const measure of measures)
          await assertRight(workspaceId, { fields: [KIND], measures: [measure] });
      });

      test(`groups by what is ${whose}`, async () => {
        for (const field of [BIG, LAST, KIND, 'payload.k7_3', 'payload.nested.deep[0]']) {
          await assertRight(workspaceId, { fields: [field], limit: 1_000 });
        }
      });
    }
  });
}

function columnsOf(some: readonly PropertySlot[]): PropertyColumns {
  return new Map(
    some.map(({ root, keys, kind, slot }) => [
      propertyKey(root, keys),
      { name: `_${kind}_${slot}`, kind, since: VERSION },
    ]),
  );
}
