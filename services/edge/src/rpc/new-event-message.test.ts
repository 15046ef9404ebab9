import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { create, fromBinary, type JsonObject, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { NewEventSchema } from '@millrace/contracts/millrace/api/v1/event';
import { parseRfc3339 } from '@millrace/runtime';
import { checkMessage } from './new-event-message.ts';

const CONTEXT = { workspaceId: 'w', receivedAtMs: 1_706_618_400_000, traceId: '', newId: () => 'made' };

/** The verdict on an event that has come over the wire. */
function check(event: MessageInitShape<typeof NewEventSchema>) {
  const bytes = toBinary(NewEventSchema, create(NewEventSchema, { type: 't', ...event }));
  return checkMessage(fromBinary(NewEventSchema, bytes), CONTEXT);
}

function fieldOf(checked: ReturnType<typeof check>): string | undefined {
  return checked.kind === 'invalid' ? checked.error.field : undefined;
}

const BAD_NUMBERS = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

/** Structs with something wrong, and the path to it. */
const BAD_STRUCTS: readonly [string, JsonObject, string][] = [
  ...BAD_NUMBERS.flatMap((bad): [string, JsonObject, string][] => [
    [`${bad}`, { a: bad }, '.a'],
    [`${bad}, deep`, { x: null, a: { b: bad } }, '.a.b'],
    [`${bad}, in a list`, { a: [1, null, { b: [bad] }] }, '.a[2].b[0]'],
  ]),
  ['a NUL in a value', { a: ['\0'] }, '.a[0]'],
  ['a NUL in a name', { a: { 'b\0': 1 } }, '.a'],
  ['__proto__ as a name', { a: JSON.parse('{"__proto__":1}') as JsonObject }, '.a'],
];

for (const [what, struct, path] of BAD_STRUCTS) {
  test(`INVALID: ${what} in payload or metadata`, () => {
    const payload = fieldOf(check({ data: { case: 'payload', value: struct } }));
    const metadata = fieldOf(check({ metadata: struct }));
    assert.ok(payload?.startsWith(`payload${path}`), payload);
    assert.ok(metadata?.startsWith(`metadata${path}`), metadata);
  });
}

test('INVALID: a lone surrogate, which only JSON can bring', () => {
  const struct = { a: [{ b: '\ud800' }], '\udc00': 1 };
  const message = create(NewEventSchema, { type: 't', metadata: struct });
  assert.equal(fieldOf(checkMessage(message, CONTEXT)), 'metadata.a[0].b');
});

test('a null that was sent as one stays', () => {
  const checked = check({ data: { case: 'payload', value: { a: null, b: [null, 1e308] } } });
  assert.equal(checked.kind === 'valid' && checked.event.payload, '{"a":null,"b":[null,1e+308]}');
});

describe('occurredAt', () => {
  const timeOf = (seconds: bigint, nanos: number): number | string | undefined => {
    const checked = check({ occurredAt: { seconds, nanos } });
    return checked.kind === 'valid' ? checked.event.occurredAtMs : checked.error.field;
  };

  test('is cut to milliseconds, as REST does', () => {
    for (const [seconds, nanos, text] of [
      [1_706_618_400n, 999_999_999, '2024-01-30T12:40:00.999999999Z'],
      [1_706_618_400n, 500_000, '2024-01-30T12:40:00.0005Z'],
      [-1n, 999_900_000, '1969-12-31T23:59:59.9999Z'],
      [-1n, 500_000, '1969-12-31T23:59:59.0005Z'],
      [-2_208_988_800n, 0, '1900-01-01T00:00:00Z'],
      [10_413_791_999n, 999_999_999, '2299-12-31T23:59:59.999999999Z'],
    ] as const) {
      const expected = parseRfc3339(text);
      assert.notEqual(expected, undefined);
      assert.equal(timeOf(seconds, nanos), expected, text);
    }
  });

  test('INVALID: nanoseconds that are none, times that the store does not hold', () => {
    for (const [seconds, nanos] of [
      [0n, -1],
      [0n, 1_000_000_000],
      [0n, -2_147_483_648],
      [0n, 2_147_483_647],
      [-2_208_988_801n, 999_999_999],
      [10_413_792_000n, 0],
      [-62_135_596_801n, 0],
      [253_402_300_800n, 0],
      [2n ** 63n - 1n, 0],
      [-(2n ** 63n), 0],
    ] as const) {
      assert.equal(timeOf(seconds, nanos), 'occurredAt', `${seconds} ${nanos}`);
    }
  });
});
