import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bomb, many } from '../../../test/schema-bombs.ts';
import { parseJson } from '../../request/json/parse.ts';
import { RequestFailure } from '../../server/failure.ts';
import { compileSchema } from './compile-schema.ts';
import { MAX_DEPTH, MAX_SUBSCHEMAS } from './inspect-schema.ts';

const nest = (levels: number, wrap: (inner: object) => object): object =>
  many(levels, () => wrap).reduce((inner, wrapped) => wrapped(inner), {});

describe('refused, with the JSON pointer and the reason', () => {
  const refused: [name: string, schema: object, message: RegExp][] = [
    [
      'an unknown keyword',
      { properties: { a: { minimun: 0 } } },
      /^\/properties\/a\/minimun is not a keyword/,
    ],
    ['a keyword of Ajv', { $async: true }, /^\/\$async is not a keyword/],
    ['a reference to data', { minimum: { $data: '1/a' } }, /^\/minimum must be number/],
    [
      '$schema of draft-07',
      { $schema: 'http://json-schema.org/draft-07/schema#' },
      /^\/\$schema must be https/,
    ],
    ['definitions', { definitions: { a: {} } }, /^\/definitions .*use \$defs/],
    ['dependencies', { dependencies: { a: ['b'] } }, /^\/dependencies .*dependentRequired/],
    ['additionalItems', { additionalItems: false }, /^\/additionalItems .*prefixItems/],
    ['a list of items', { items: [{ type: 'string' }] }, /^\/items must be object,boolean/],
    ['exclusiveMinimum: true', { minimum: 0, exclusiveMinimum: true }, /^\/exclusiveMinimum must be number/],
    ['nullable', { type: 'string', nullable: true }, /^\/nullable .*OpenAPI/],
    ['an unknown type', { items: { type: 'strin' } }, /^\/items\/type must be equal/],
    ['a negative length', { maxLength: -1 }, /^\/maxLength must be >= 0/],
    ['an unknown format', { format: 'phone' }, /^\/format must be one of date, /],
    ['a format that takes long to check', { format: 'url' }, /^\/format must be one of/],
    ['if without then', { if: {} }, /^\/if does nothing without then or else/],
    ['maxContains without contains', { maxContains: 1 }, /^\/maxContains does nothing without contains/],
    ['an enum without values', { enum: [] }, /^the schema can not be compiled: enum/],
    ['an id that is no text', { $id: 5 }, /^\/\$id must be a string/],
    [
      '$id below the root',
      { properties: { a: { $id: 'https://example.com/a' } } },
      /^\/properties\/a\/\$id .*root only/,
    ],
    ['$dynamicRef', { $dynamicRef: '#node' }, /^\/\$dynamicRef is not supported/],
    ['$vocabulary', { $vocabulary: {} }, /^\/\$vocabulary is for meta-schemas/],
    ['another document', { $ref: 'https://example.com/a.json' }, /^\/\$ref must begin with #/],
    ['a file', { items: { $ref: 'file:///etc/passwd' } }, /^\/items\/\$ref must begin with #/],
    ['a relative document', { $ref: 'other.json#/a' }, /^\/\$ref must begin with #/],
    [
      'a document by its own $id',
      { $id: 'https://a.b/c', items: { $ref: 'https://a.b/c#' } },
      /^\/items\/\$ref must begin/,
    ],
    ['a reference to nothing', { $ref: '#/$defs/a' }, /^\/\$ref refers to what is not a schema/],
    [
      'a reference to a map of schemas',
      { $ref: '#/properties', properties: {} },
      /^\/\$ref refers to what is not/,
    ],
    ['a reference to data', { $ref: '#/enum/0', enum: [{}] }, /^\/\$ref refers to what is not a schema/],
    ['a reference of broken encoding', { $ref: '#/%E0%A4%A' }, /^\/\$ref refers to what is not a schema/],
    ['a reference to the prototype', { $ref: '#/__proto__' }, /^\/\$ref refers to what is not a schema/],
    [
      'a reference to the root',
      { properties: { child: { $ref: '#' } } },
      /^\/properties\/child\/\$ref .*recursion/,
    ],
    [
      'a reference to itself',
      { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/a' } } },
      /^\/\$defs\/a\/\$ref .*recursion/,
    ],
    [
      'a cycle of references',
      { $defs: { a: { not: { $ref: '#/$defs/b' } }, b: { items: { $ref: '#/$defs/a' } } } },
      /^\/\$defs\/b\/items\/\$ref .*recursion/,
    ],
    [
      'an anchor that is its own ancestor',
      { $anchor: 'top', not: { $ref: '#top' } },
      /^\/not\/\$ref .*recursion/,
    ],
    [
      'an anchor used twice',
      { $defs: { a: { $anchor: 'x' }, b: { $anchor: 'x' } } },
      /^\/\$defs\/b\/\$anchor is used more/,
    ],
    ['a bomb of references', bomb(12), /has more than 1000 subschemas when every \$ref is followed/],
    ['a bomb of 2^100 references', bomb(16), /has more than 1000 subschemas when every \$ref is followed/],
    ['deep nesting', nest(MAX_DEPTH, (inner) => ({ not: inner })), /(\/not){20} is nested deeper than 20/],
    ['deep allOf', nest(MAX_DEPTH, (inner) => ({ allOf: [inner] })), /allOf\/0 is nested deeper than 20/],
    [
      'a deep chain of references',
      {
        $ref: '#/$defs/d0',
        $defs: Object.fromEntries(many(60, (i) => [`d${i}`, i < 59 ? { $ref: `#/$defs/d${i + 1}` } : {}])),
      },
      /is nested deeper than 20 subschemas when every \$ref is followed/,
    ],
    [
      'too many subschemas',
      { properties: Object.fromEntries(many(MAX_SUBSCHEMAS, (i) => [`p${i}`, {}])) },
      /^\/properties\/p999 is one subschema too many/,
    ],
    [
      'too many booleans',
      { anyOf: many(MAX_SUBSCHEMAS, () => true) },
      /^\/anyOf\/999 is one subschema too many/,
    ],
    [
      'many names that depend on others',
      { not: { dependentRequired: Object.fromEntries(many(101, (i) => [`a${i}`, ['b']])) } },
      /^\/not\/dependentRequired has too many names: there may be 200/,
    ],
    [
      'many names that one depends on',
      { dependentRequired: { a: many(8_000, (i) => `b${i}`) } },
      /^\/dependentRequired has too many names/,
    ],
    ['uniqueItems without a bound', { uniqueItems: true }, /^\/uniqueItems needs a maxItems of at most 1000/],
    ['uniqueItems of long lists', { uniqueItems: true, maxItems: 1001 }, /^\/uniqueItems needs a maxItems/],
    ['a look-ahead', { pattern: '^(?=.*a)b$' }, /^\/pattern is not a regular expression in RE2's syntax/],
    ['a look-behind', { pattern: '(?<!a)b' }, /^\/pattern is not a regular expression/],
    ['a back-reference', { pattern: '(a)\\1' }, /^\/pattern is not a regular expression/],
    [
      'an open bracket',
      { patternProperties: { '[': {} } },
      /^\/patternProperties\/\[ is not a regular expression/,
    ],
    [
      'a repetition of repetitions',
      { pattern: '((a{100}){100}){100}' },
      /^\/pattern is not a regular expression/,
    ],
    ['a long pattern', { pattern: 'a'.repeat(1_001) }, /^\/pattern is longer than 1000 characters/],
    [
      'a pattern of many states',
      { pattern: [...'abcdefghijkl'].map((letter) => `${letter}{1000}`).join('|') },
      /^\/pattern makes the patterns .* too complex/,
    ],
    [
      'many patterns of many states',
      { allOf: many(20, (i) => ({ pattern: `${i}{1000}` })) },
      /^\/allOf\/\d+\/pattern makes the patterns/,
    ],
  ];
  for (const [name, schema, message] of refused) {
    test(name, () => {
      const issue = issueOf(schema);
      assert.match(issue.message, message);
      assert.equal(issue.path[0], 'schema');
    });
  }

  test('__proto__ does not reach the compiler: the parser of bodies refuses it', () => {
    assert.throws(
      () => parseJson(Buffer.from('{"schema":{"properties":{"__proto__":{"type":"string"}}}}')),
      RequestFailure,
    );
  });

  test('names of any length and characters that a pointer escapes', () => {
    const { path, message } = issueOf({ properties: { 'a/b~c': { x: 1 } } });
    assert.deepEqual(path, ['schema', 'properties', 'a/b~c', 'x']);
    assert.match(message, /^\/properties\/a~1b~0c\/x /);
    assert.ok(issueOf({ ['x'.repeat(60_000)]: 1 }).message.length < 1_000);
  });
});

function issueOf(schema: object) {
  try {
    compileSchema({ ...schema });
  } catch (error) {
    assert.ok(error instanceof RequestFailure, String(error));
    assert.ok(error.failure.kind === 'invalid');
    return error.failure.issues[0];
  }
  return assert.fail('the schema was taken');
}
