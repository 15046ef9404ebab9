import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createJsonGenerator } from './random-json.ts';
import { skipValue, skipWhitespace } from './scan.ts';
import { elementStarts, findMembers, memberStart, memberText } from './spans.ts';

/** Compares every value's raw text, at every level, to what JSON.parse made of it; the count of values compared. */
function compare(text: string, start: number, value: unknown): number {
  const raw = text.slice(start, skipValue(text, start));
  assert.deepEqual(JSON.parse(raw), value, text);
  if (Array.isArray(value)) {
    const starts = elementStarts(text, start);
    assert.equal(starts.length, value.length, text);
    return starts.reduce((sum, at, i) => sum + compare(text, at, value[i]), 1);
  }
  if (typeof value !== 'object' || value === null) return 1;
  let compared = 1;
  const members = Object.entries(value).filter(([name]) => /^[^"\\\n]+$/.test(name));
  const names = members.map(([name]) => name);
  const spans: number[] = [];
  assert.equal(text.slice(start, findMembers(text, start, [...names, 'absent'], spans)), raw);
  assert.equal(spans[2 * names.length], undefined);
  for (const [i, [, member]] of members.entries()) {
    assert.deepEqual(JSON.parse(text.slice(spans[2 * i], spans[2 * i + 1])), member, text);
    compared += compare(text, spans[2 * i] ?? -1, member);
  }
  return compared;
}

test('raw text of random JSON parses to what the whole parsed to', () => {
  const generate = createJsonGenerator(3);
  let compared = 0;
  for (let i = 0; i < 3_000; i++) {
    const text = generate();
    compared += compare(text, skipWhitespace(text, 0), JSON.parse(text));
  }
  assert.ok(compared > 10_000, String(compared));
});

test('digits and white space stay as they came', () => {
  const text = '{ "payload" : { "id": 12345678901234567890, "x": 1.0 } }';
  assert.equal(memberText(text, 0, 'payload'), '{ "id": 12345678901234567890, "x": 1.0 }');
});

test('the last member of a name counts, and a name may be escaped', () => {
  assert.equal(memberText('{"a":1,"a":2}', 0, 'a'), '2');
  assert.equal(memberText('{"a":1,"\\u0061":2}', 0, 'a'), '2');
  assert.equal(memberText('{"b":{"a":1}}', 0, 'a'), undefined);
  assert.equal(memberText('{"a\\\\":1}', 0, 'a'), undefined);
  assert.equal(memberText('{}', 0, 'a'), undefined);
});

test('an object inside a larger text is read, and the index after it returned', () => {
  const text = '[{"a":"}"},{"a":3}]';
  const spans: number[] = [];
  assert.equal(findMembers(text, 1, ['a'], spans), 10);
  assert.deepEqual(spans, [6, 9]);
  assert.equal(memberStart(text, 11, 'a'), 16);
  assert.deepEqual(elementStarts(text, 0), [1, 11]);
  assert.deepEqual(elementStarts('[ ]', 0), []);
});
