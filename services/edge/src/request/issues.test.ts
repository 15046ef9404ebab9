import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { invalid, MAX_ISSUES, toIssues, wrongType } from './issues.ts';
import { boundedText, jsonObject, textList, wholeNumber } from './json-types.ts';

/** The issues of a value, and the same read from the JSON that a client sees. */
function issuesOf(schema: z.ZodType, value: unknown) {
  const parsed = schema.safeParse(value);
  assert.ok(parsed.error);
  return toIssues(parsed.error, value).map(({ extra, ...issue }) => ({ ...issue, ...extra }));
}

const wrong = (expected: string, received: string, path: (string | number)[], message?: string) => ({
  code: 'invalid_type',
  expected,
  received,
  path,
  message: message ?? `Expected ${expected}, received ${received}`,
});
const size = (
  code: 'too_small' | 'too_big',
  type: string,
  limit: number,
  message: string,
  path: (string | number)[],
) => ({
  code,
  [code === 'too_small' ? 'minimum' : 'maximum']: limit,
  type,
  inclusive: true,
  exact: false,
  message,
  path,
});

const schema = z.object({
  text: boundedText(1, 3),
  number: wholeNumber(0, 9).optional(),
  list: textList(2).default([]),
  object: jsonObject().optional(),
});

test('a wrong type names what came, a missing value is Required', () => {
  assert.deepEqual(issuesOf(schema, {}), [wrong('string', 'undefined', ['text'], 'Required')]);
  assert.deepEqual(issuesOf(schema, { text: 5, number: '1', list: 'x', object: [] }), [
    wrong('string', 'number', ['text']),
    wrong('number', 'string', ['number']),
    wrong('array', 'string', ['list']),
    wrong('object', 'array', ['object']),
  ]);
  assert.deepEqual(issuesOf(schema, { text: null, number: null, list: null, object: null }), [
    wrong('string', 'null', ['text']),
    wrong('number', 'null', ['number']),
    wrong('array', 'null', ['list']),
    wrong('object', 'null', ['object']),
  ]);
  assert.deepEqual(issuesOf(schema, true), [wrong('object', 'boolean', [])]);
  assert.deepEqual(issuesOf(schema, null), [wrong('object', 'null', [])]);
  assert.deepEqual(issuesOf(schema, []), [wrong('object', 'array', [])]);
  assert.deepEqual(issuesOf(z.record(z.string(), z.unknown()), 1), [wrong('object', 'number', [])]);
  assert.deepEqual(issuesOf(z.number(), Number.NaN), [wrong('number', 'nan', [])]);
});

test('a number that is no integer is a float', () => {
  assert.deepEqual(issuesOf(schema, { text: 'a', number: 1.5 }), [wrong('integer', 'float', ['number'])]);
  assert.deepEqual(issuesOf(z.int(), 1.5), [wrong('integer', 'float', [])]);
  assert.deepEqual(issuesOf(z.int(), '1'), [wrong('number', 'string', [])]);
});

test('sizes are told with the bound and the kind of thing that is bounded', () => {
  assert.deepEqual(issuesOf(schema, { text: '', number: -1, list: ['abc'] }), [
    size('too_small', 'string', 1, 'String must contain at least 1 character(s)', ['text']),
    size('too_small', 'number', 0, 'Number must be greater than or equal to 0', ['number']),
    size('too_big', 'string', 2, 'String must contain at most 2 character(s)', ['list', 0]),
  ]);
  assert.deepEqual(issuesOf(schema, { text: 'abcd', number: 10 }), [
    size('too_big', 'string', 3, 'String must contain at most 3 character(s)', ['text']),
    size('too_big', 'number', 9, 'Number must be less than or equal to 9', ['number']),
  ]);
});

test('our own types report as zod does', () => {
  const ours = z.object({ a: boundedText(1, 3), b: wholeNumber(0, 9), c: textList(2) });
  const zods = z.object({
    a: z.string().min(1).max(3),
    b: z.int().min(0).max(9),
    c: z.array(z.string().max(2)),
  });
  for (const value of [
    {},
    { a: '', b: -1, c: [1, 'abc', 'a'] },
    { a: 'abcd', b: 10, c: {} },
    { a: 1, b: 1.5, c: null },
    { a: null, b: '1', c: [] },
  ]) {
    assert.deepEqual(issuesOf(ours, value), issuesOf(zods, value), JSON.stringify(value));
  }
});

test('other checks of zod are put into the words of zod 3', () => {
  const words = (checked: z.ZodType, value: unknown) => issuesOf(checked, value)[0]?.message;
  assert.equal(words(z.array(z.string()).min(1), []), 'Array must contain at least 1 element(s)');
  assert.equal(words(z.array(z.string()).length(2), []), 'Array must contain exactly 2 element(s)');
  assert.equal(words(z.string().length(2), 'a'), 'String must contain exactly 2 character(s)');
  assert.equal(words(z.number().gt(1), 1), 'Number must be greater than 1');
  assert.equal(words(z.number().lt(1), 1), 'Number must be less than 1');
  assert.equal(words(z.string().regex(/^a/), 'b'), 'Invalid');
  assert.equal(words(z.string().regex(/^a/, 'must start with a'), 'b'), 'must start with a');
});

test('the place of a value in the body goes before the issue’s own', () => {
  const parsed = schema.safeParse({ text: 1 });
  assert.deepEqual(parsed.error && toIssues(parsed.error, { text: 1 }, ['events', 3])[0]?.path, [
    'events',
    3,
    'text',
  ]);
  assert.deepEqual(wrongType('array', undefined, ['events']), {
    code: 'invalid_type',
    extra: { expected: 'array', received: 'undefined' },
    message: 'Required',
    path: ['events'],
  });
});

test('no more issues are listed than an answer can hold', () => {
  const issues = issuesOf(schema, { text: 'a', list: Array.from({ length: 100_000 }, () => 1) });
  assert.equal(issues.length, MAX_ISSUES);
  const { failure } = invalid(Array.from({ length: 1000 }, () => wrongType('object', 1, [])));
  assert.equal(failure.kind === 'invalid' && failure.issues.length, MAX_ISSUES);
});

test('unknown fields are named, each in its place; a name as long as a body is cut', () => {
  const strict = z.strictObject({ inner: z.strictObject({}) });
  const long = 'x'.repeat(1_000);
  const issues = issuesOf(strict, { inner: { a: 1 }, [long]: 2, b: 3 });
  assert.deepEqual(
    issues.map(({ code, path, message }) => ({ code, path, message })),
    [['inner', 'a'], ['x'.repeat(100)], ['b']].map((path) => ({
      code: 'unrecognized_keys',
      path,
      message: 'Unknown field',
    })),
  );
  const many = Object.fromEntries(Array.from({ length: 10 * MAX_ISSUES }, (_, i) => [`field${i}`, i]));
  assert.equal(issuesOf(z.strictObject({}), many).length, MAX_ISSUES);
});
