import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parse } from 'graphql';
import { exceededLimit } from './document-limits.ts';

const COSTS = new Map([['dear', 20]]);
const limitOf = (document: string) => exceededLimit(parse(document), COSTS);
const many = (count: number, part: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => part(index)).join(' ');

const depth = (levels: number) => `{ ${'a { '.repeat(levels - 1)}a${' }'.repeat(levels - 1)} }`;
const aliases = (count: number) => `{ ${many(count, (i) => `x${i}: a`)} }`;
const directives = (count: number) => `{ a ${many(count, () => '@skip(if: false)')} }`;

describe('exceededLimit', () => {
  for (const [name, at, beyond] of [
    ['depth', depth(6), depth(7)],
    ['aliases', aliases(15), aliases(16)],
    ['cost', `{ ${many(100, () => 'a')} }`, `{ ${many(101, () => 'a')} }`],
    ['cost', '{ dear dear dear dear dear }', '{ dear dear dear dear dear a }'],
    ['directives', directives(10), directives(11)],
    [
      'directives',
      `query A ${'@a '.repeat(10)} { a }`,
      `query A($x: Int @a) @a { a ...f @a } fragment f on Q ${'@a '.repeat(8)} { b }`,
    ],
    [
      'aliases',
      `{ ...f ...f } fragment f on Q { ${many(7, (i) => `x${i}: a`)} }`,
      '{ ...f ...f } fragment f on Q { x1: a x2: a x3: a x4: a x5: a x6: a x7: a x8: a }',
    ],
    [
      'depth',
      '{ a { a { ...f } } } fragment f on Q { a { ... { a { ... on Q { a { a } } } } } }',
      '{ a { a { a { ...f } } } } fragment f on Q { a { ... { a { ... on Q { a { a } } } } } }',
    ],
    [
      'depth',
      '{ ...f } fragment f on Q { a { a { a { a { a { a } } } } } }',
      '{ ...f a { ...f } } fragment f on Q { a { a { a { a { a { a } } } } } }',
    ],
    ['aliases', `query A ${aliases(8)} query B ${aliases(7)}`, `query A ${aliases(8)} query B ${aliases(8)}`],
  ] as const) {
    test(`${name}: as much as allowed, and one more`, () => {
      assert.equal(limitOf(at), undefined, at);
      assert.match(limitOf(beyond) ?? '', new RegExp(` for ${name}$`), beyond);
    });
  }

  test('fragments that double count all that they spread, and are measured once', () => {
    const bomb = `{ ...f0 } ${many(200, (i) => `fragment f${i} on Q { ...f${i + 1} ...f${i + 1} }`)} fragment f200 on Q { a }`;
    assert.match(limitOf(bomb) ?? '', / for cost$/);
  });

  test('a cycle of fragments ends', () => {
    assert.equal(limitOf('{ ...f } fragment f on Q { a { ...g } } fragment g on Q { ...f ...g }'), undefined);
  });

  test('names of prototypes are names', () => {
    assert.equal(limitOf('{ ...constructor ...__proto__ toString constructor }'), undefined);
  });

  test('introspection has limits of its own', () => {
    assert.equal(limitOf(`{ __schema { ${'types { '.repeat(9)}name${' }'.repeat(9)} } }`), undefined);
    assert.match(limitOf(`{ ...__schema } fragment __schema on Q ${depth(7)}`) ?? '', / for depth$/);
  });
});
