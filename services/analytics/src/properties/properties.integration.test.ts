import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { JsonValue } from '@bufbuild/protobuf';
import { ReadBy } from '@millrace/contracts/millrace/query/v1/query';
import { eventually } from '@millrace/testkit';
import { type PropertySlot, parseField } from '@millrace/wire';
import type { WindowOfRows } from '../../test/event-model.ts';
import { bruteForceBreakdown, type FiguresQuestion } from '../../test/query-brute-force.ts';
import { assertSameRows, createQueryWorld, type QueryWorld } from '../../test/query-world.ts';
import { createRandom } from '../../test/random.ts';
import { randomEvents, randomFilter } from '../../test/random-events.ts';
import { type PropertyColumns, propertyKey } from '../query/statement.ts';
import { beginFilling } from './fill-stored.ts';

const VERSION = 1_764_000_000;
const TEXTS = [
  'payload.odd',
  'payload.any',
  'payload.plan',
  'payload.cart.total',
  'payload.items[1].sku',
  'payload["odd key"].x',
  'payload["quo\\"te\\\\"]',
  'metadata["0"]',
];
const NUMBERS = ['payload.amount', 'payload.items[0]'];
const slots: PropertySlot[] = [
  ...TEXTS.map((path, i) => slotOf(path, 'text', i + 1)),
  ...NUMBERS.map((path, i) => slotOf(path, 'number', i + 1)),
];
const columns: PropertyColumns = new Map(
  slots.map(({ root, keys, kind, slot }) => [
    propertyKey(root, keys),
    { name: `_${kind}_${slot}`, kind, since: VERSION },
  ]),
);
const WINDOW: WindowOfRows = {
  fromMs: Date.UTC(2025, 5, 1),
  toMs: Date.UTC(2026, 5, 30),
  isByOccurrence: false,
  zone: 'UTC',
  isSundayFirst: false,
};
const random = createRandom(9);
// The same events in both: the writer knows the properties of w1 only.
const ofOne = randomEvents(random, 2_000).map((event) => ({ ...event, workspaceId: 'w1' }));
const events = [
  ...ofOne,
  ...ofOne.map((event) => ({ ...event, workspaceId: 'w2', position: event.position + 10_000 })),
];

let world: QueryWorld;
before(async () => {
  world = await createQueryWorld(events, (workspaceId) =>
    workspaceId === 'w1' ? { version: VERSION, slots } : undefined,
  );
  world.useProperties(columns);
});
after(() => world?.close());

function slotOf(path: string, kind: PropertySlot['kind'], slot: number): PropertySlot {
  const field = parseField(path, 'path');
  if (field.kind !== 'path') assert.fail(path);
  return { root: field.column, keys: field.keys, kind, slot };
}

const randomQuestion = (): FiguresQuestion => ({
  fields: [random.pick(TEXTS)],
  measures: [
    { name: 'n' },
    { name: 'u', aggregation: 'AGGREGATION_UNIQUE', field: random.pick(TEXTS) },
    { name: 's', aggregation: 'AGGREGATION_SUM', field: random.pick(NUMBERS) },
    { name: 'm', aggregation: 'AGGREGATION_MAX', field: random.pick([...NUMBERS, 'payload.odd']) },
  ],
  limit: 1_000,
});

async function assertRight(question: FiguresQuestion, workspaceId: string, isFiltered: boolean) {
  const filter = isFiltered ? randomFilter(random) : undefined;
  const asked = { question: { breakdown: question as JsonValue }, window: WINDOW, filter, workspaceId };
  const answer = await world.ask(asked);
  const expected = bruteForceBreakdown(events, { workspaceId, window: WINDOW, filter }, question);
  assertSameRows(answer.rows, expected, asked);
  return answer;
}

describe('a property is what the rows say', () => {
  test('from columns that the writer has filled', async () => {
    for (let round = 0; round < 60; round++) {
      const { readBy } = await assertRight(randomQuestion(), 'w1', false);
      assert.equal(readBy, ReadBy.COLUMNS);
      await assertRight(randomQuestion(), 'w1', true);
    }
  });

  test('from JSON where one row has not been filled', async () => {
    for (let round = 0; round < 20; round++) {
      const { readBy, unregistered } = await assertRight(randomQuestion(), 'w2', false);
      assert.equal(readBy, ReadBy.JSON);
      assert.deepEqual(unregistered, []);
    }
  });

  test('a number is read as text from JSON', async () => {
    const { readBy } = await assertRight({ fields: ['payload.amount'], limit: 1_000 }, 'w1', false);
    assert.equal(readBy, ReadBy.JSON);
  });
});

test('ClickHouse fills in what the writer would have, or says that it does not know', async () => {
  await beginFilling(world.client, 'w2', { version: VERSION, slots });
  const names = slots.map(({ kind, slot }) => `_${kind}_${slot}`);
  const read = (workspaceId: string) =>
    world.rows(
      `SELECT payload, ${names.map((name) => `toString(${name}) AS ${name}`).join(', ')} FROM events
       WHERE workspace_id = {workspaceId:String} AND _properties = {version:UInt32} ORDER BY _seq, _index`,
      { workspaceId, version: VERSION },
    );
  await eventually(async () => assert.equal((await read('w2')).length, ofOne.length));
  const [written, filled] = [await read('w1'), await read('w2')];
  let unknown = 0;
  for (const [i, row] of filled.entries()) {
    // Its parser gives up a payload with an integer beyond 64 bits.
    const isOdd = /123456789012345678901234567/.test(String(row['payload']));
    for (const name of names) {
      const isUnknown = row[name] === '\0' || row[name] === 'nan';
      if (isUnknown) unknown++;
      assert.ok(isOdd || !isUnknown, `${name} of ${row['payload']}`);
      if (!isUnknown) assert.equal(row[name], written[i]?.[name], `${name} of ${row['payload']}`);
    }
  }
  assert.ok(unknown > 0 && unknown < (filled.length * names.length) / 2, String(unknown));
  for (let round = 0; round < 20; round++) await assertRight(randomQuestion(), 'w2', round % 2 === 0);
});
