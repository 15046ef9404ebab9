import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLogger } from '@millrace/runtime';
import { benchDialect, KEYS, WORKSPACE_ID } from '../../../test/dialect-harness.ts';
import { recordForTests, schemasForTests } from '../../../test/schemas.ts';
import { analytics } from '../../dialects/analytics/routes.ts';
import { cloudEventsDialect } from '../../dialects/cloudevents/routes.ts';
import { email } from '../../dialects/email/routes.ts';
import { eventsRoute } from '../../dialects/events-route/routes.ts';
import { externalEventDialect } from '../../dialects/external-event/routes.ts';
import { nativeDialect } from '../../dialects/native/routes.ts';
import type { Api } from '../../request/api.ts';
import type { CanonicalEvent } from '../canonical-event.ts';
import type { EventSink, SubmitOutcome } from '../submit.ts';
import { enforcingSchemas } from './enforcing-schemas.ts';
import { createSchemaGuard } from './schema-guard.ts';

const SCHEMA = { properties: { age: { minimum: 0 } } };
const GOOD = { age: 1 };
const BAD = { age: -1 };
const ISSUE = '/age must be >= 0 (minimum)';

/** A dialect whose events named `checked` must have no negative age. */
function bench(dialect: Api, schema: object = SCHEMA) {
  const submitted: CanonicalEvent[] = [];
  const rejected: string[] = [];
  const submit = (event: CanonicalEvent): SubmitOutcome => {
    submitted.push(event);
    return { kind: 'accepted', eventId: event.eventId };
  };
  const sink: EventSink = {
    submit: async (event) => submit(event),
    submitAll: async (events) => events.map(submit),
    submitEach: async (events) => events.map(submit),
  };
  const records = ['checked', 'email'].map((eventName) =>
    recordForTests({ workspaceId: WORKSPACE_ID, eventName, schema }),
  );
  let turnMs = 0;
  const events = enforcingSchemas({
    sink,
    schemas: createSchemaGuard({
      registry: schemasForTests(records),
      metrics: { schemaViolated: () => undefined, schemaBroken: () => assert.fail() },
      log: createLogger({ service: 'test', level: 'silent' }),
    }),
    // Every look at the clock is the end of a turn, so that batches are checked over many of them.
    clock: { now: () => 0, monotonic: () => (turnMs += 100) },
    countRejected: (name, reason) => rejected.push(`${name} ${reason}`),
  });
  const { send } = benchDialect(dialect, { events });
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    send('POST', path, {
      headers: { 'x-api-key': KEYS.writer, 'content-type': 'application/json', ...headers },
      params: { workspaceId: WORKSPACE_ID },
      body,
    });
  return { post, submitted, rejected };
}

describe('400: a violated schema, in the words of each dialect', () => {
  test('workflow', async () => {
    const { post, submitted, rejected } = bench(eventsRoute);
    const bearer = { 'x-api-key': '', authorization: `Bearer ${KEYS.writer}` };
    const { status, body } = await post('/api/v1/events', { name: 'checked', payload: BAD }, bearer);
    assert.equal(status, 400);
    assert.deepEqual(body, {
      success: false,
      error: {
        code: 'validation_error',
        message: 'Invalid event format',
        details: { field: 'payload.age', issue: ISSUE },
      },
    });
    assert.deepEqual([submitted.length, rejected], [0, ['workflow schema']]);
    assert.equal((await post('/api/v1/events', { name: 'checked', payload: GOOD }, bearer)).status, 202);
  });

  const event = (payload: object) => ({
    eventType: 'checked',
    userId: 'u',
    sessionId: 's',
    timestamp: '2024-01-30T12:34:56Z',
    priority: 1,
    payload,
  });

  test('analytics', async () => {
    const { post, submitted, rejected } = bench(eventsRoute);
    const { status, body } = await post('/api/v1/events', event(BAD));
    assert.equal(status, 400);
    assert.deepEqual(body, {
      success: false,
      error: {
        code: 'VALIDATION_ERROR',
        message: `Invalid event payload: payload.age: ${ISSUE}`,
        details: [{ field: 'payload.age', code: 'minimum', message: ISSUE }],
      },
    });
    assert.deepEqual([submitted.length, rejected], [0, ['analytics schema']]);
    assert.equal((await post('/api/v1/events', event(GOOD))).status, 202);
  });

  test('analytics, a batch: with the index, and nothing is submitted', async () => {
    const { post, submitted } = bench(analytics);
    const { status, body } = await post('/api/v1/events/batch', { events: [event(GOOD), event(BAD)] });
    assert.equal(status, 400);
    assert.deepEqual(body, {
      success: false,
      error: {
        code: 'VALIDATION_ERROR',
        message: `Invalid event at index 1: payload.age: ${ISSUE}`,
        details: [{ field: 'events[1].payload.age', code: 'minimum', message: ISSUE }],
      },
    });
    assert.equal(submitted.length, 0);
    assert.equal((await post('/api/v1/events/batch', { events: [event(GOOD), event(GOOD)] })).status, 202);
    assert.equal(submitted.length, 2);
  });

  test('external event', async () => {
    const { post, submitted } = bench(externalEventDialect);
    const path = '/api/external-event/:workspaceId';
    const bearer = { authorization: `Bearer ${KEYS.writer}` };
    const { status, body } = await post(path, { type: 'checked', payload: BAD }, bearer);
    assert.equal(status, 400);
    const error = { code: 'INVALID_INPUT', message: `payload.age: ${ISSUE}` };
    assert.deepEqual(body, { success: false, error });
    assert.equal(submitted.length, 0);
    assert.equal((await post(path, { type: 'checked', payload: GOOD }, bearer)).status, 201);
  });

  test('e-mail, alone and in a batch', async () => {
    const { post, submitted } = bench(email, { properties: { domain: { pattern: '\\.example$' } } });
    const mail = (domain: string) => ({
      event_type: 'email',
      email_id: 'a',
      domain,
      labels: [],
      metadata: {},
    });
    const error = (path: unknown[]) => ({
      code: 'pattern',
      message: '/domain must match pattern "\\.example$" (pattern)',
      path,
    });
    assert.deepEqual((await post('/email', mail('bad.test'))).body, {
      status: 'error',
      message: 'Invalid email event schema',
      errors: [error(['domain'])],
    });
    const batch = await post('/email/batch', [mail('good.example'), mail('bad.test'), mail('worse.test')]);
    assert.equal(batch.status, 400);
    assert.deepEqual(batch.body, {
      status: 'error',
      message: 'Invalid batch email event schema',
      errors: [error([1, 'domain']), error([2, 'domain'])],
    });
    assert.equal(submitted.length, 0);
    assert.equal((await post('/email', mail('good.example'))).status, 200);
  });

  const cloud = (data: object) => ({ specversion: '1.0', id: '1', source: '/a', type: 'checked', data });

  test('CloudEvents', async () => {
    const { post, submitted } = bench(cloudEventsDialect);
    const structured = { 'content-type': 'application/cloudevents+json' };
    const { status, body } = await post('/cloudevents', cloud(BAD), structured);
    assert.equal(status, 400);
    assert.deepEqual(body, {
      type: 'about:blank',
      title: 'Bad Request',
      status: 400,
      detail: `data.age: ${ISSUE}`,
      code: 'invalid',
      errors: [{ field: 'data.age', code: 'minimum', detail: ISSUE }],
    });
    assert.equal(submitted.length, 0);
    assert.equal((await post('/cloudevents', cloud(GOOD), structured)).status, 202);
  });

  test('207: in a batch of CloudEvents it fails alone', async () => {
    const { post, submitted, rejected } = bench(cloudEventsDialect);
    const batched = { 'content-type': 'application/cloudevents-batch+json' };
    const { status, body } = await post('/cloudevents', [cloud(BAD), cloud(GOOD)], batched);
    assert.equal(status, 207);
    assert.deepEqual(resultsOf(body), [
      { index: 0, id: '1', status: 'invalid', error: { field: 'data.age', issue: ISSUE } },
      { index: 1, id: '1', status: 'accepted' },
    ]);
    assert.deepEqual([submitted.length, rejected], [1, ['cloudevents schema']]);
  });

  test('207: in native events it fails alone, among duplicates and events that are bad otherwise', async () => {
    const { post, submitted } = bench(nativeDialect);
    const { status, body } = await post('/v1/ingest', [
      { id: 'a', type: 'checked', payload: BAD },
      { type: 'checked', payload: BAD },
      {},
      { id: 'b', type: 'checked', payload: GOOD },
      { id: 'c', type: 'free', payload: BAD },
    ]);
    assert.equal(status, 207);
    const error = { field: 'payload.age', issue: ISSUE };
    assert.deepEqual(resultsOf(body), [
      { index: 0, id: 'a', status: 'invalid', error },
      { index: 1, id: '', status: 'invalid', error },
      { index: 2, id: '', status: 'invalid', error: { field: 'type', issue: 'Required' } },
      { index: 3, id: 'b', status: 'accepted' },
      { index: 4, id: 'c', status: 'accepted' },
    ]);
    assert.deepEqual(
      submitted.map(({ eventId }) => eventId),
      ['b', 'c'],
    );
  });

  test('400: no native event is valid', async () => {
    const { post, submitted } = bench(nativeDialect);
    const lines = { 'content-type': 'application/x-ndjson' };
    const { status } = await post('/v1/ingest', `{"type":"checked","payload":{"age":-1}}\n`, lines);
    assert.deepEqual([status, submitted.length], [400, 0]);
  });
});

function resultsOf(body: unknown): unknown {
  return Reflect.get(Object(body), 'results');
}
