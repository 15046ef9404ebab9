import { getIntrospectionQuery } from 'graphql';

/** A request that nobody means well with. */
export interface HostileRequest {
  readonly what: string;
  readonly body: string | Buffer;
  /** `application/json` unless told otherwise; empty for none. */
  readonly contentType?: string;
}

/** A few hundred of them, always the same. */
export function hostileRequests(): HostileRequest[] {
  return [...documents().map(([what, query]) => asked(what, { query })), ...bodies(), ...otherTypes()];
}

function asked(what: string, body: unknown): HostileRequest {
  return { what, body: JSON.stringify(body) };
}

type Named = readonly [what: string, text: string];

function documents(): Named[] {
  return [
    ...nesting(),
    ...floods(),
    ...fragments(),
    ...values(),
    ...introspection(),
    ...operations(),
    ...syntax(),
  ];
}

const sizes = (...counts: number[]) => counts;
const repeat = (count: number, part: (index: number) => string, separator = ' ') =>
  Array.from({ length: count }, (_, index) => part(index)).join(separator);

function nesting(): Named[] {
  return sizes(7, 20, 100, 450, 5_000).flatMap((n): Named[] => [
    [`${n} levels of fields`, `${'{ externalEventTokens '.repeat(n)}{ id }${' }'.repeat(n)}`],
    [`${n} inline fragments`, `{${'... on Query {'.repeat(n)} nope ${'}'.repeat(n)}}`],
    [`${n} bare inline fragments`, `{${'... {'.repeat(n)} nope ${'}'.repeat(n)}}`],
    [`${n} list values`, `mutation { revokeExternalEventToken(id: ${'['.repeat(n)}${']'.repeat(n)}) }`],
    [`${n} object values`, `mutation { revokeExternalEventToken(id: ${'{a:'.repeat(n)}1${'}'.repeat(n)}) }`],
    [`${n} list types`, `query A($a: ${'['.repeat(n)}ID${']'.repeat(n)}) { nope(a: $a) }`],
    [`${n} open braces`, '{a'.repeat(n)],
  ]);
}

function floods(): Named[] {
  return sizes(16, 100, 900, 4_000).flatMap((n): Named[] => [
    [`${n} aliases of __typename`, `{ ${repeat(n, (i) => `a${i}: __typename`)} }`],
    [`${n} aliased lists`, `{ ${repeat(n, (i) => `a${i}: externalEventTokens { id }`)} }`],
    [`${n} aliased mutations`, `mutation { ${repeat(n, (i) => `a${i}: createExternalEventToken { id }`)} }`],
    [`${n} aliases below a field`, `{ externalEventTokens { ${repeat(n, (i) => `a${i}: id`)} } }`],
    [`${n * 8} duplicate fields`, `{ externalEventTokens { ${'id '.repeat(n * 8)} } }`],
    [`${n * 8} duplicate root fields`, `{ ${'__typename '.repeat(n * 8)} }`],
    [`${n} duplicate selections`, `{ ${'externalEventTokens { id } '.repeat(n)} }`],
    [`${n} directives on a field`, `{ __typename ${'@skip(if: false) '.repeat(n)} }`],
    [`${n} unknown directives`, `{ __typename ${repeat(n, (i) => `@d${i}`)} }`],
    [`${n} directives on the operation`, `query ${'@a '.repeat(n)} { __typename }`],
    [`${n} unknown fields`, `{ ${repeat(n, (i) => `f${i}`)} }`],
    [`${n} arguments`, `mutation { revokeExternalEventToken(${repeat(n, (i) => `a${i}: 1`)}) }`],
    [`${n} equal arguments`, `mutation { revokeExternalEventToken(${'id: 1 '.repeat(n)}) }`],
    [`${n} variables`, `query A(${repeat(n, (i) => `$v${i}: ID`)}) { __typename }`],
    [`${n} comments`, `${'#\n'.repeat(n)}{ nope }`],
    [`${n} commas`, `{${','.repeat(n)}nope}`],
  ]);
}

function fragments(): Named[] {
  const doubling = (n: number) =>
    `{ ...f0 } ${repeat(n, (i) => `fragment f${i} on Query { ...f${i + 1} ...f${i + 1} }`)} fragment f${n} on Query { externalEventTokens { id } }`;
  return sizes(2, 10, 40, 300).flatMap((n): Named[] => [
    [
      `a cycle of ${n} fragments`,
      `{ ...f0 } ${repeat(n, (i) => `fragment f${i} on Query { ...f${(i + 1) % n} }`)}`,
    ],
    [`${n} doublings of a fragment`, n === 2 ? doubling(3) : doubling(n)],
    [`${n} fragments of the same name`, `{ ...f } ${'fragment f on Query { nope } '.repeat(n)}`],
    [`${n} unused fragments`, `{ nope } ${repeat(n, (i) => `fragment f${i} on Query { __typename }`)}`],
    [`${n} unknown fragments`, `{ ${repeat(n, (i) => `...f${i}`)} }`],
    [
      `depth through ${n} fragments`,
      `{ ...f0 } ${repeat(n, (i) => `fragment f${i} on Query { externalEventTokens { ...f${i + 1} } }`)} fragment f${n} on Query { id }`,
    ],
    [
      `a fragment named __schema, ${n} times spread`,
      `{ ${'...__schema '.repeat(n)} } fragment __schema on Query { a: externalEventTokens { nope } }`,
    ],
  ]);
}

function values(): Named[] {
  const odd = [
    '9'.repeat(400),
    '-1',
    '1e999',
    '0x10',
    '01',
    '1.',
    'NaN',
    'null',
    'true',
    'ENUM',
    '$undefined',
    '{__proto__: 1}',
    '""',
    '"\\u0000"',
    '"\\uD800"',
    '"\\u{110000}"',
    '"""a\u0000b"""',
    `"${'x'.repeat(60_000)}"`,
    `"../../etc/passwd"`,
    '"\' OR 1=1 --"',
    '"*"',
    '".>"',
    'constructor',
  ];
  return odd.flatMap((value): Named[] => [
    [`revoking ${value.slice(0, 20)}`, `mutation { revokeExternalEventToken(id: ${value}) }`],
    [
      `a token until ${value.slice(0, 20)}`,
      `mutation { createExternalEventToken(expiresAt: ${value}, nope: 1) { id } }`,
    ],
  ]);
}

function introspection(): Named[] {
  return [
    ['the usual introspection', getIntrospectionQuery()],
    ['introspection by alias', '{ a: __schema { b: types { c: name } } }'],
    ['introspection by fragment', '{ ...a } fragment a on Query { __schema { types { name } } }'],
    ['introspection of a type', '{ __type(name: "Query") { fields { name } } }'],
    [
      'circular introspection',
      `{ __schema { types { ${'fields { type { '.repeat(40)}name${' } }'.repeat(40)} } } }`,
    ],
    ['a service document', '{ _service { sdl } }'],
    ['entities', '{ _entities(representations: []) { __typename } }'],
  ];
}

function operations(): Named[] {
  return [
    ['a subscription', 'subscription { externalEventTokens { id } }'],
    ['a mutation as a query', '{ createExternalEventToken { token } }'],
    ['a secret that is not told', '{ externalEventTokens { token secret proof } }'],
    ['two nameless operations', '{ __typename } { __typename }'],
    ['two operations and no choice', 'query A { __typename } query B { __typename }'],
    ['only a fragment', 'fragment A on Query { __typename }'],
    ['a type', 'type Query { a: Int }'],
    ['an extended schema', 'extend schema @a'],
    ['a deferred fragment', '{ ... @defer { nope } }'],
    ['a streamed list', '{ externalEventTokens @stream(initialCount: 0) { id } }'],
    ['a fragment on prototypes', '{ ... on __proto__ { constructor } ... on constructor { __proto__ } }'],
    ['a field of prototypes', '{ __proto__ constructor toString hasOwnProperty }'],
  ];
}

function syntax(): Named[] {
  const texts = ['', ' ', '{', '}', '{}', 'null', '{a', '{a:}', '{"a"}', 'query', '\uFEFF', '{ a(b:"', '"""'];
  const noise = ['<script>', '\u202e{a}', '{a}\u0001', '🦄', '{🦄}', '%00', '{a}}', ';', '|&!='];
  return [...texts, ...noise].map((text): Named => [`the document ${JSON.stringify(text)}`, text]);
}

function bodies(): HostileRequest[] {
  const query = '{ __typename }';
  const invalidUtf8 = Buffer.from(JSON.stringify({ query: '{ ?? }' }));
  invalidUtf8.set([0xff, 0xfe], invalidUtf8.indexOf('??'));
  const odd: [what: string, body: unknown][] = [
    ['a batch of one', [{ query }]],
    ['a batch of 1000', Array.from({ length: 1_000 }, () => ({ query }))],
    ['an empty batch', []],
    ['a number', 7],
    ['null', null],
    ['a text', query],
    ['nothing', {}],
    ['no document', { query: null }],
    ['a document that is a list', { query: [query] }],
    ['a document that is an object', { query: { toString: 1 } }],
    ['variables that are a list', { query, variables: [1] }],
    ['variables that are a text', { query, variables: '{}' }],
    ['an operation name that is an object', { query, operationName: { a: 1 } }],
    ['an unknown operation', { query, operationName: 'Nope' }],
    ['an operation of prototypes', { query, operationName: 'constructor' }],
    ['extensions that are a list', { query, extensions: [] }],
    ['a persisted query', { extensions: { persistedQuery: { version: 1, sha256Hash: 'x' } } }],
    [
      'a variable of another type',
      { query: 'mutation A($a: ID!) { revokeExternalEventToken(id: $a) }', variables: { a: { b: 1 } } },
    ],
    [
      'a variable that is missing',
      { query: 'mutation A($a: ID!) { revokeExternalEventToken(id: $a) }', variables: {} },
    ],
    ['a long operation name', { query, operationName: 'x'.repeat(60_000) }],
  ];
  return [
    ...odd.map(([what, body]) => asked(what, body)),
    { what: '__proto__ among the variables', body: `{"query":"${query}","variables":{"__proto__":{"a":1}}}` },
    { what: '__proto__ in disguise', body: `{"query":"${query}","\\u005f_proto__":{}}` },
    { what: 'NUL in the document', body: '{"query":"{ \\u0000 }"}' },
    { what: 'a lone surrogate in the document', body: '{"query":"{ \\ud800 }"}' },
    { what: 'bad UTF-8', body: invalidUtf8 },
    {
      what: 'deep variables',
      body: `{"query":"${query}","variables":{"a":${'['.repeat(5_000)}${']'.repeat(5_000)}}}`,
    },
    { what: 'no JSON', body: '{"query":' },
    { what: 'an empty body', body: '' },
    { what: 'too large a body', body: JSON.stringify({ query: ' '.repeat(70_000) }) },
    { what: 'a long name', body: JSON.stringify({ query: `{ ${'x'.repeat(60_000)} }` }) },
  ];
}

function otherTypes(): HostileRequest[] {
  const body = '{"query":"mutation { createExternalEventToken { token } }"}';
  const types = [
    '',
    'text/plain',
    'application/graphql',
    'application/graphql+json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/xml',
    'application/json; charset=utf-16',
    'text/plain, application/json',
  ];
  return types.map((contentType) => ({ what: `the type ${JSON.stringify(contentType)}`, body, contentType }));
}
