import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bomb, many } from '../../../test/schema-bombs.ts';
import { compileSchema } from './compile-schema.ts';
import { MAX_SUBSCHEMAS } from './inspect-schema.ts';

const DRAFT = 'https://json-schema.org/draft/2020-12/schema';

describe('taken', () => {
  const taken: [name: string, schema: object, good: unknown[], bad: unknown[]][] = [
    ['nothing at all', {}, [{}, null, 'text'], []],
    [
      'the draft by its name, and an id',
      { $schema: DRAFT, $id: 'https://example.com/a', type: 'null' },
      [null],
      [{}],
    ],
    [
      'the usual',
      { type: 'object', required: ['a'], properties: { a: { type: 'integer', minimum: 0 } } },
      [{ a: 0 }, { a: 1, b: 2 }],
      [{}, [], { a: -1 }, { a: 1.5 }, { a: '1' }],
    ],
    [
      'schemas without a type',
      { properties: { a: { maxLength: 1 } } },
      [5, { a: 5 }, { a: 'x' }],
      [{ a: 'xx' }],
    ],
    ['booleans', { properties: { a: true, b: false } }, [{ a: 1 }], [{ b: 1 }]],
    [
      'members of every object',
      { required: ['constructor'], properties: { toString: { type: 'string' } } },
      [{ constructor: 1 }],
      [{}],
    ],
    ['fractions', { multipleOf: 0.01 }, [19.99, 4.35, 0], [19.991]],
    [
      'references',
      { $defs: { s: { type: 'string' } }, items: { $ref: '#/$defs/s', maxLength: 1 } },
      [['a']],
      [['aa'], [1]],
    ],
    [
      'a reference of escapes',
      { $defs: { 'a b/c': { const: 1 } }, not: { $ref: '#/$defs/a%20b~1c' } },
      [2],
      [1],
    ],
    ['an anchor', { $defs: { a: { $anchor: 'one', const: 1 } }, items: { $ref: '#one' } }, [[1]], [[2]]],
    ['the same reference in many places', bomb(7), [1], []],
    [
      'if, then and else',
      JSON.parse('{"if":{"required":["a"]},"then":{"required":["b"]},"else":false}'),
      [{ a: 1, b: 1 }],
      [{}, { a: 1 }],
    ],
    [
      'what is not evaluated',
      { allOf: [{ properties: { a: true } }], unevaluatedProperties: false },
      [{ a: 1 }],
      [{ b: 1 }],
    ],
    ['tuples', { prefixItems: [{ type: 'string' }], items: false }, [['a']], [['a', 1], [1]]],
    [
      'short lists without copies',
      { uniqueItems: true, maxItems: 1_000 },
      [[1, 2, { a: 1 }]],
      [[{ a: 1 }, { a: 1 }]],
    ],
    ['formats', { format: 'date-time' }, ['2024-01-30T12:34:56Z', 5], ['2024-02-30T12:34:56Z', 'now']],
    ['e-mail addresses', { format: 'email' }, ['a@example.com'], ['a']],
    ['a pattern anywhere in the text', { pattern: 'b+' }, ['abc'], ['ac']],
    ['an anchored pattern', { pattern: '^\\p{L}{1,3}$' }, ['äöü'], ['abc\n', 'a1', '']],
    ['escapes of ECMAScript', { pattern: '^\\u00e9\\/$' }, ['é/'], ['e/']],
    [
      'patterns side by side',
      { patternProperties: { '^a': { type: 'string' }, '^b': { type: 'number' } } },
      [{ a: 'x', b: 1 }],
      [{ a: 1 }, { b: 'x' }],
    ],
    [
      'a thousand subschemas',
      { properties: Object.fromEntries(many(MAX_SUBSCHEMAS - 1, (i) => [`p${i}`, { type: 'string' }])) },
      [{}, { p998: 'x' }],
      [{ p998: 1 }],
    ],
  ];
  for (const [name, schema, good, bad] of taken) {
    test(name, () => {
      const { check } = compileSchema({ ...schema });
      for (const value of good) assert.equal(check(value), undefined, JSON.stringify(value));
      for (const value of bad) assert.notEqual(check(value), undefined, JSON.stringify(value));
    });
  }

  const redos = [
    '(a+)+$',
    '^(a|a)*$',
    '(x+x+)+y',
    '^(([a-z])+.)+[A-Z]([a-z])+$',
    '(.*a){20}',
    '^(a?){60}a{60}$',
  ];
  for (const pattern of redos) {
    test(`${pattern} takes linear time`, () => {
      // In a backtracking engine each of these takes longer than anyone lives.
      const { check } = compileSchema({ pattern });
      check(`${'a'.repeat(50_000)}!`);
      check('x'.repeat(50_000));
    });
  }

  test('what a value may cost is known: references, lists, patterns and comparisons count', () => {
    const { steps } = compileSchema({
      $defs: { code: { enum: many(50, String) } },
      properties: { a: { $ref: '#/$defs/code' }, b: { $ref: '#/$defs/code' } },
      items: { uniqueItems: true, maxItems: 500 },
    });
    assert.equal(steps, 1 + 2 * (1 + 51) + 501);
  });
});
