import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLogger } from '@millrace/runtime';
import { recordForTests, schemasForTests } from '../../../test/schemas.ts';
import type { CanonicalEvent } from '../canonical-event.ts';
import { createSchemaGuard } from './schema-guard.ts';
import type { SchemaRecord } from './schema-registry.ts';

const EVENT: CanonicalEvent = {
  workspaceId: 'w1',
  eventId: 'evt_1',
  eventType: 'order.created',
  dialect: 'native',
  source: '',
  userId: '',
  sessionId: '',
  occurredAtMs: 0,
  receivedAtMs: 0,
  priority: 1,
  labels: [],
  payload: '{}',
  metadata: '{}',
  traceId: '',
  identity: undefined,
};

function guardOf(...records: SchemaRecord[]) {
  const counted: string[] = [];
  const guard = createSchemaGuard({
    registry: schemasForTests(records),
    metrics: { schemaViolated: (mode) => counted.push(mode), schemaBroken: () => counted.push('broken') },
    log: createLogger({ service: 'test', level: 'silent' }),
  });
  return { guard, counted };
}

const schemaOf = (schema: object, more: { mode?: 'enforce' | 'observe' } = {}) =>
  recordForTests({ workspaceId: 'w1', eventName: 'order.created', schema, ...more });

describe('a violation names the JSON pointer, the rule and the field', () => {
  const cases: [
    schema: object,
    payload: unknown,
    code: string,
    field: (string | number)[],
    message: string,
  ][] = [
    [
      { properties: { user: { properties: { age: { minimum: 0 } } } } },
      { user: { age: -1 } },
      'minimum',
      ['user', 'age'],
      '/user/age must be >= 0 (minimum)',
    ],
    [{ type: 'array' }, {}, 'type', [], 'the payload must be array (type)'],
    [{ required: ['id'] }, {}, 'required', ['id'], '/id is required (required)'],
    [
      { properties: { lines: { items: { required: ['sku'] } } } },
      { lines: [{ sku: 1 }, {}] },
      'required',
      ['lines', 1, 'sku'],
      '/lines/1/sku is required (required)',
    ],
    [
      { dependentRequired: { card: ['expiry'] } },
      { card: 1 },
      'dependentRequired',
      ['expiry'],
      '/expiry is required beside what is there (dependentRequired)',
    ],
    [
      { additionalProperties: false },
      { 'a/b~': 1 },
      'additionalProperties',
      ['a/b~'],
      '/a~1b~0 is not allowed (additionalProperties)',
    ],
    [{ properties: { a: false } }, { a: 1 }, 'false', ['a'], '/a is not allowed (false)'],
    [
      { propertyNames: { maxLength: 2 } },
      { abc: 1 },
      'propertyNames',
      ['abc'],
      '/abc is not an allowed name (propertyNames)',
    ],
    [
      { properties: { a: { enum: [1, 2] } } },
      { a: 3 },
      'enum',
      ['a'],
      '/a must be equal to one of the allowed values (enum)',
    ],
    [
      { properties: { a: { anyOf: [{ type: 'string' }, { type: 'null' }] } } },
      { a: 3 },
      'anyOf',
      ['a'],
      '/a must match a schema in anyOf (anyOf)',
    ],
    [
      JSON.parse('{"if":{"required":["a"]},"then":{"required":["b"]}}'),
      { a: 3 },
      'required',
      ['b'],
      '/b is required (required)',
    ],
    [
      { properties: { '0': { properties: { n: { const: 1 } } } } },
      { '0': { n: 2 } },
      'const',
      ['0', 'n'],
      '/0/n must be equal to constant (const)',
    ],
  ];
  for (const [schema, payload, code, field, message] of cases) {
    test(message, () => {
      const { guard, counted } = guardOf(schemaOf(schema));
      const issue = guard.check({ ...EVENT, payload: JSON.stringify(payload) });
      assert.deepEqual(issue, { code, path: ['payload', ...field], message });
      assert.deepEqual(counted, ['enforce']);
    });
  }

  test('names of a payload are cut', () => {
    const { guard } = guardOf(schemaOf({ additionalProperties: false }));
    const issue = guard.check({ ...EVENT, payload: JSON.stringify({ ['x'.repeat(100_000)]: 1 }) });
    assert.ok(JSON.stringify(issue).length < 2_000);
  });
});

test('an event that the schema allows passes, as does one of another name or workspace', () => {
  const { guard, counted } = guardOf(schemaOf({ required: ['id'] }));
  assert.equal(guard.check({ ...EVENT, payload: '{"id":1}' }), undefined);
  assert.equal(guard.check({ ...EVENT, eventType: 'other' }), undefined);
  assert.equal(guard.check({ ...EVENT, workspaceId: 'w2' }), undefined);
  assert.equal(guard.covers({ ...EVENT, workspaceId: 'w2' }), false);
  assert.equal(guard.covers(EVENT), true);
  assert.deepEqual(counted, []);
});

test('observe lets a violation pass and counts it', () => {
  const { guard, counted } = guardOf(schemaOf({ required: ['id'] }, { mode: 'observe' }));
  assert.equal(guard.check(EVENT), undefined);
  assert.deepEqual(counted, ['observe']);
});

test('a stored schema that is no longer taken never blocks events, and is counted once', () => {
  const { guard, counted } = guardOf(schemaOf({ unheardOf: true }));
  for (let i = 0; i < 3; i++) assert.equal(guard.check(EVENT), undefined);
  assert.deepEqual(counted, ['broken']);
});

test('a payload at which the check fails is refused by itself, and the next event is checked as before', () => {
  const { guard, counted } = guardOf(schemaOf({ required: ['id'] }));
  const unreadable = { ...EVENT, payload: '{"id":' };
  assert.equal(guard.check(unreadable)?.code, 'not_checkable');
  assert.equal(guard.check(EVENT)?.code, 'required');
  assert.equal(guard.check({ ...EVENT, payload: '{"id":1}' }), undefined);
  assert.equal(guard.check(unreadable)?.code, 'not_checkable');
  assert.deepEqual(counted, ['enforce', 'enforce', 'enforce']);
});

test('a payload that is too large for a complex schema is refused before it is looked at', () => {
  const values = Array.from({ length: 10_000 }, (_, i) => i);
  const { guard } = guardOf(schemaOf({ additionalProperties: { items: { enum: values } } }));
  const payload = (length: number) => JSON.stringify({ a: Array.from({ length }, (_, i) => i % 9) });
  assert.equal(guard.check({ ...EVENT, payload: payload(1_000) }), undefined);
  const issue = guard.check({ ...EVENT, payload: payload(100_000) });
  assert.equal(issue?.code, 'too_costly');
});
