import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import { FilterSchema } from '@millrace/contracts/millrace/query/v1/query';
import { compileEventFilter, type FilteredEvent } from './event-filter.ts';

const filterOf = (json: JsonValue) => compileEventFilter(fromJson(FilterSchema, json));
const compare = (comparison: JsonValue) => filterOf({ comparison });

/** An event that counts how often its JSON is asked for. */
function eventOf(
  fields: { payload?: string; metadata?: string } & Partial<Omit<FilteredEvent, 'payload' | 'metadata'>>,
) {
  const { payload = '{}', metadata = '{}', ...others } = fields;
  const reads = { payload: 0, metadata: 0 };
  const event: FilteredEvent = {
    eventId: 'e1',
    eventType: 'order.paid',
    dialect: 'native',
    source: '',
    userId: 'ada',
    sessionId: '',
    traceId: '',
    occurredAtMs: Date.UTC(2026, 0, 2),
    receivedAtMs: Date.UTC(2026, 0, 3),
    priority: 5,
    labels: ['inbox', 'Work'],
    ...others,
    get payload() {
      reads.payload++;
      return Buffer.from(payload);
    },
    get metadata() {
      reads.metadata++;
      return Buffer.from(metadata);
    },
  };
  return { event, reads };
}

const meets = (comparison: JsonValue, fields: Parameters<typeof eventOf>[0] = {}) =>
  compare(comparison)(eventOf(fields).event);

describe('JSON is parsed when it is asked for, once for all filters', () => {
  test('not by filters of other fields', () => {
    const { event, reads } = eventOf({ payload: 'not JSON' });
    for (const comparison of [
      { field: 'type', equals: 'order.paid' },
      { field: 'labels', contains: 'or' },
      { field: 'occurredAt', range: { gt: '2026-01-01T00:00:00Z' } },
    ])
      assert.equal(compare(comparison)(event), true);
    assert.deepEqual(reads, { payload: 0, metadata: 0 });
  });

  test('not where another condition has decided', () => {
    const { event, reads } = eventOf({});
    const payload = { comparison: { field: 'payload.a', exists: true } };
    const type = (equals: string) => ({ comparison: { field: 'type', equals } });
    assert.equal(filterOf({ all: { filters: [type('other'), payload] } })(event), false);
    assert.equal(filterOf({ any: { filters: [type('order.paid'), payload] } })(event), true);
    assert.deepEqual(reads, { payload: 0, metadata: 0 });
  });

  test('once, whatever it holds, and metadata apart from the payload', () => {
    for (const payload of ['{"a":1}', '', 'not JSON']) {
      const { event, reads } = eventOf({ payload });
      for (let i = 0; i < 100; i++) compare({ field: `payload.${i}`, equals: i })(event);
      assert.deepEqual(reads, { payload: 1, metadata: 0 });
      compare({ field: 'metadata.a', exists: true })(event);
      assert.deepEqual(reads, { payload: 1, metadata: 1 });
    }
  });

  test('each event’s own, however alike', () => {
    const isPaid = compare({ field: 'payload.paid', equals: true });
    const events = ['{"paid":true}', '{"paid":false}', '{"paid":true}'].map((payload) =>
      eventOf({ payload }),
    );
    assert.deepEqual(
      events.map(({ event }) => isPaid(event)),
      [true, false, true],
    );
  });
});

describe('what is missing or of another kind meets nothing but exists = false', () => {
  const missing: [field: string, fields: Parameters<typeof eventOf>[0]][] = [
    ['source', {}],
    ['payload.a', {}],
    ['payload.a', { payload: '' }],
    ['payload.a', { payload: 'null' }],
    ['payload.a', { payload: '{"a":null}' }],
    ['payload.a', { payload: '[{"a":1}]' }],
    ['payload.a', { payload: '{"a":1' }],
    ['payload.a', { payload: '{"a":1,"b":1e400}' }],
    ['payload.a', { payload: '{"a":1,"b":["\\ud800"]}' }],
    ['payload.a', { payload: '{"a":1,"b":{"\\udfff":0}}' }],
    ['payload[0]', { payload: '{"0":1}' }],
    ['payload.length', { payload: '[1]' }],
    ['payload.a.length', { payload: '{"a":"x"}' }],
    ['payload.constructor', {}],
    ['payload.toString.name', {}],
    ['metadata.a', { payload: '{"a":1}' }],
  ];
  for (const [field, fields] of missing) {
    test(`${field} of ${fields.payload ?? 'nothing'}`, () => {
      assert.equal(meets({ field, exists: false }, fields), true);
      assert.equal(meets({ field, exists: true }, fields), false);
      assert.equal(meets({ field, in: ['', '1'] }, fields), false);
      assert.equal(meets({ field, contains: '' }, fields), false);
      assert.equal(meets({ field, startsWith: '' }, fields), false);
    });
  }

  test('a value only equals what is of its own kind', () => {
    const payload = '{"text":"1","number":1,"flag":true,"object":{},"list":["1"]}';
    const equal = (field: string, equals: JsonValue) =>
      meets({ field: `payload.${field}`, equals }, { payload });
    assert.deepEqual([equal('text', '1'), equal('text', 1)], [true, false]);
    assert.deepEqual([equal('number', 1), equal('number', '1'), equal('number', true)], [true, false, false]);
    assert.deepEqual([equal('flag', true), equal('flag', 'true'), equal('flag', 1)], [true, false, false]);
    assert.deepEqual([equal('object', '{}'), equal('list', '1'), equal('list', '[]')], [false, false, false]);
    assert.equal(meets({ field: 'payload.object', exists: true }, { payload }), true);
    assert.equal(meets({ field: 'payload.text', range: { gte: 0 } }, { payload }), false);
  });
});

test('numbers are those of doubles, 0 is -0', () => {
  const payload = '{"big":9007199254740993,"long":123456789012345678901234567,"zero":-0,"tiny":1e-400}';
  const isMet = (comparison: JsonValue) => meets(comparison, { payload });
  assert.equal(isMet({ field: 'payload.big', equals: 2 ** 53 }), true);
  assert.equal(isMet({ field: 'payload.big', range: { gt: 2 ** 53 } }), false);
  assert.equal(isMet({ field: 'payload.long', equals: 1.2345678901234568e26 }), true);
  assert.equal(isMet({ field: 'payload.zero', equals: 0 }), true);
  assert.equal(isMet({ field: 'payload.zero', range: { lt: 0 } }), false);
  assert.equal(isMet({ field: 'payload.tiny', in: [-0] }), true);
  assert.equal(meets({ field: 'priority', range: { gte: 5, lt: 5.5 } }), true);
});

test('times are moments, however they are written; a list has what one of its elements is', () => {
  assert.equal(meets({ field: 'occurredAt', equals: '2026-01-02T02:00:00.0004+02:00' }), true);
  assert.equal(meets({ field: 'receivedAt', range: { gt: '2026-01-03T00:00:00Z' } }), false);
  assert.equal(meets({ field: 'receivedAt', range: { gte: '2026-01-03T00:00:00Z' } }), true);
  assert.equal(meets({ field: 'labels', equals: 'Work' }), true);
  assert.equal(meets({ field: 'labels', equals: 'work' }), false);
  assert.equal(meets({ field: 'labels', startsWith: 'in' }), true);
  assert.equal(meets({ field: 'labels', exists: true }, { labels: [] }), false);
  assert.equal(meets({ field: 'labels', in: [''] }, { labels: [''] }), true);
});

test('lists of conditions, none of them too', () => {
  const { event } = eventOf({});
  const [yes, no] = [{ comparison: { field: 'id', exists: true } }, { not: { all: {} } }];
  assert.equal(filterOf({ all: {} })(event), true);
  assert.equal(filterOf({ any: {} })(event), false);
  assert.equal(filterOf({ all: { filters: [yes, no] } })(event), false);
  assert.equal(filterOf({ any: { filters: [no, yes] } })(event), true);
  assert.equal(filterOf({ not: { any: { filters: [no, yes] } } })(event), false);
  assert.equal(compare({ field: 'id', in: [] })(event), false);
});

const refused: [message: string, filter: JsonValue][] = [
  ['filter: needs one of comparison, all, any and not', {}],
  [
    'filter.all.filters[1].not: needs one of comparison, all, any and not',
    { all: { filters: [{ all: {} }, { not: {} }] } },
  ],
  [
    'filter.comparison: needs one of equals, in, contains, starts_with, exists and range',
    { comparison: { field: 'id' } },
  ],
  ['filter.comparison.equals: id is compared with text', { comparison: { field: 'id', equals: 1 } }],
  [
    'filter.comparison.in[1]: priority is compared with a number',
    { comparison: { field: 'priority', in: [1, '1'] } },
  ],
  ['filter.comparison.contains: priority is no text', { comparison: { field: 'priority', contains: '1' } }],
  ['filter.comparison.range.lt: type has no order', { comparison: { field: 'type', range: { lt: 'a' } } }],
  [
    'filter.comparison.equals: must not contain NUL or half a surrogate pair',
    { comparison: { field: 'payload.a', equals: 'a\0' } },
  ],
];

for (const [message, filter] of refused) {
  test(`refused: ${message}`, () => {
    assert.throws(() => filterOf(filter), { code: 'invalid_argument', message });
  });
}

test('refusals begin with the place that the filter has', () => {
  const filter = fromJson(FilterSchema, { comparison: { field: 'nothing', exists: true } });
  assert.throws(() => compileEventFilter(filter, 'endpoint.filter'), {
    code: 'invalid_argument',
    message: /^endpoint\.filter\.comparison\.field: must be one of id, type, /,
  });
});
