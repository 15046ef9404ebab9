import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createJsonGenerator } from '../../../test/random-json.ts';
import { parseJson } from './parse.ts';
import { type JsonText, skipValue, skipWhitespace, toJsonText, type Units, unitsOf } from './scan.ts';
import { findMembers, forEachElement, memberStart, memberText } from './spans.ts';

function elementStarts(units: Units, arrayStart: number): number[] {
  const starts: number[] = [];
  forEachElement(units, arrayStart, (start) => {
    starts.push(start);
    return skipValue(units, start);
  });
  return starts;
}

/** Compares every value's raw text, at every level, to what JSON.parse made of it; the count of values compared. */
function compare(json: JsonText, start: number, value: unknown): number {
  const { text, units } = json;
  const raw = text.slice(start, skipValue(units, start));
  assert.deepEqual(JSON.parse(raw), value, text);
  if (Array.isArray(value)) {
    const starts = elementStarts(units, start);
    assert.equal(starts.length, value.length, text);
    return starts.reduce((sum, at, i) => sum + compare(json, at, value[i]), 1);
  }
  if (typeof value !== 'object' || value === null) return 1;
  let compared = 1;
  const members = Object.entries(value).filter(([name]) => /^[^"\\\n]+$/.test(name));
  const names = members.map(([name]) => name);
  const spans: number[] = [];
  assert.equal(text.slice(start, findMembers(units, start, [...names, 'absent'], spans)), raw);
  assert.equal(spans[2 * names.length], undefined);
  for (const [i, [, member]] of members.entries()) {
    assert.deepEqual(JSON.parse(text.slice(spans[2 * i], spans[2 * i + 1])), member, text);
    compared += compare(json, spans[2 * i] ?? -1, member);
  }
  return compared;
}

test('raw text of random JSON parses to what the whole parsed to', () => {
  const generate = createJsonGenerator(3);
  let compared = 0;
  for (let i = 0; i < 3_000; i++) {
    const json = toJsonText(generate());
    compared += compare(json, skipWhitespace(json.units, 0), JSON.parse(json.text));
  }
  assert.ok(compared > 10_000, String(compared));
});

test('digits and white space stay as they came', () => {
  const text = '{ "payload" : { "id": 12345678901234567890, "x": 1.0 } }';
  assert.equal(memberText(toJsonText(text), 0, 'payload'), '{ "id": 12345678901234567890, "x": 1.0 }');
});

test('the last member of a name counts, and a name may be escaped', () => {
  assert.equal(memberText(toJsonText('{"a":1,"a":2}'), 0, 'a'), '2');
  assert.equal(memberText(toJsonText('{"a":1,"\\u0061":2}'), 0, 'a'), '2');
  assert.equal(memberText(toJsonText('{"b":{"a":1}}'), 0, 'a'), undefined);
  assert.equal(memberText(toJsonText('{"a\\\\":1}'), 0, 'a'), undefined);
  assert.equal(memberText(toJsonText('{}'), 0, 'a'), undefined);
});

test('an object inside a larger text is read, and the index after it returned', () => {
  const units = unitsOf('[{"a":"}"},{"a":3}]');
  const spans: number[] = [];
  assert.equal(findMembers(units, 1, ['a'], spans), 10);
  assert.deepEqual(spans, [6, 9]);
  assert.equal(memberStart(units, 11, 'a'), 16);
  assert.deepEqual(elementStarts(units, 0), [1, 11]);
  assert.deepEqual(elementStarts(unitsOf('[ ]'), 0), []);
});

test('parts of a body are found whatever its characters take in bytes', () => {
  for (const payload of ['{"x":"plain"}', '{"x":"é"}', '{"x":"日本"}', '{"x":"🚀"}', '{"é":[1,"ÿ"]}']) {
    for (const mark of ['', '\uFEFF']) {
      const json = parseJson(Buffer.from(`${mark} {"é":1,"payload":${payload},"z":"ü"}`));
      assert.equal(memberText(json, skipWhitespace(json.units, 0), 'payload'), payload);
    }
  }
});

test('a name of a megabyte, escapes and all, is just not the one', () => {
  const json = toJsonText(`{"${'\\u0061'.repeat(170_000)}":1,"a":2}`);
  assert.equal(memberText(json, 0, 'a'), '2');
});

test('an escape at the beginning of a name is not its first character', () => {
  assert.equal(memberText(toJsonText('{"\\b":1}'), 0, 'ab'), undefined);
  assert.equal(memberText(toJsonText('{"\\u0061b":1}'), 0, 'ab'), '1');
});
