import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { EventSchema } from '@millrace/contracts/millrace/event/v1/event';
import { MAX_SLOT_BYTES, type PropertySlot, propertyFields, UNKNOWN_TEXT } from './property-fields.ts';

/** What the fields of a row hold whose payload is this JSON. */
function filled(payload: string, slots: readonly PropertySlot[], metadata = '') {
  const data = Buffer.from(
    toBinary(
      EventSchema,
      create(EventSchema, {
        workspaceId: 'w',
        payload: Buffer.from(payload),
        metadata: Buffer.from(metadata),
      }),
    ),
  );
  const row = { data, start: 0, end: data.length };
  const plan = { version: 1_764_000_000, slots };
  const fields = propertyFields(row, (workspaceId) => (workspaceId === 'w' ? plan : undefined));
  return fromBinary(EventSchema, Buffer.concat([data, fields]));
}

const text = (payload: string, ...keys: (string | number)[]) =>
  filled(payload, [{ root: 'payload', keys, kind: 'text', slot: 3 }]).Text3;
const number = (payload: string, ...keys: (string | number)[]) =>
  filled(payload, [{ root: 'payload', keys, kind: 'number', slot: 8 }]).Number8;

describe('a text slot', () => {
  const kept: [payload: string, keys: (string | number)[], slot: string][] = [
    ['{"a":"gold"}', ['a'], '"gold'],
    ['{"a":""}', ['a'], '"'],
    ['{"a":"\\u0000ü😀"}', ['a'], '"\0ü😀'],
    ['{"a":true,"b":false}', ['b'], 'false'],
    ['{"a":null}', ['a'], ''],
    ['{"a":{"b":{"c":1}}}', ['a', 'b'], '{}'],
    ['{"a":[1]}', ['a'], '[]'],
    ['{"a":[1,{"b":"x"}]}', ['a', 1, 'b'], '"x'],
    ['{"a":{"0":"x"}}', ['a', 0], ''],
    ['{"a":["x"]}', ['a', '0'], ''],
    ['{"a":["x"]}', ['a', 'length'], ''],
    ['{"a":"x"}', ['a', 'length'], ''],
    ['{"a":["x"]}', ['a', 1], ''],
    ['{}', ['constructor'], ''],
    ['{"__proto__":"x"}', ['__proto__'], '"x'],
    ['7', ['a'], ''],
    ['', ['a'], ''],
    ['{"a":-0}', ['a'], '0'],
    ['{"a":-0.0}', ['a'], '0'],
    ['{"a":1.50}', ['a'], '1.5'],
    ['{"a":1e2}', ['a'], '100'],
    ['{"a":1e21}', ['a'], '1e21'],
    ['{"a":5e-324}', ['a'], '5e-324'],
    ['{"a":9007199254740993}', ['a'], '9007199254740993'],
    ['{"a":-9223372036854775808}', ['a'], '-9223372036854775808'],
    ['{"a":18446744073709551615}', ['a'], '18446744073709551615'],
    ['{"a":18446744073709551616}', ['a'], '18446744073709552000'],
    ['{"a":123456789012345678901234567}', ['a'], '1.2345678901234568e26'],
    ['{"b":123456789012345678901234567,"a":"x"}', ['a'], '"x'],
  ];
  for (const [payload, keys, slot] of kept) {
    test(`${keys.join('.')} of ${payload}`, () => assert.equal(text(payload, ...keys), slot));
  }

  test('what it can not hold is unknown', () => {
    assert.equal(text('{"a":1e400}', 'a'), UNKNOWN_TEXT);
    assert.equal(text('{"a":"\\ud800"}', 'a'), UNKNOWN_TEXT);
    assert.equal(text('not JSON', 'a'), UNKNOWN_TEXT);
    assert.equal(
      text(JSON.stringify({ a: 'x'.repeat(MAX_SLOT_BYTES) }), 'a'),
      `"${'x'.repeat(MAX_SLOT_BYTES)}`,
    );
    assert.equal(text(JSON.stringify({ a: 'x'.repeat(MAX_SLOT_BYTES + 1) }), 'a'), UNKNOWN_TEXT);
    assert.equal(text(JSON.stringify({ a: 'ü'.repeat(MAX_SLOT_BYTES / 2 + 1) }), 'a'), UNKNOWN_TEXT);
  });
});

test('a number slot has numbers, nothing for what is none, and NaN for what is not known', () => {
  assert.equal(number('{"a":1.25}', 'a'), 1.25);
  assert.equal(number('{"a":0}', 'a'), 0);
  assert.ok(Object.is(number('{"a":-0}', 'a'), 0));
  assert.equal(number('{"a":9007199254740993}', 'a'), 9007199254740992);
  for (const payload of ['{"a":"12"}', '{"a":true}', '{"a":null}', '{"a":[1]}', '{}', ''])
    assert.equal(number(payload, 'a'), undefined, payload);
  for (const payload of ['{"a":1e400}', 'not JSON']) assert.ok(Number.isNaN(number(payload, 'a')), payload);
});

test('a row says by which version it was filled, and keeps metadata apart from the payload', () => {
  const slots: PropertySlot[] = [
    { root: 'payload', keys: ['a'], kind: 'text', slot: 1 },
    { root: 'metadata', keys: ['a'], kind: 'text', slot: 2 },
    { root: 'metadata', keys: ['n'], kind: 'number', slot: 1 },
  ];
  const event = filled('{"a":"p"}', slots, '{"a":"m","n":2}');
  assert.deepEqual(
    [event.Properties, event.Text1, event.Text2, event.Number1],
    [1_764_000_000, '"p', '"m', 2],
  );
});

test('a workspace without properties gets no fields', () => {
  const data = Buffer.from(toBinary(EventSchema, create(EventSchema, { workspaceId: 'other' })));
  const row = { data, start: 0, end: data.length };
  assert.equal(propertyFields(row, () => undefined).length, 0);
});
