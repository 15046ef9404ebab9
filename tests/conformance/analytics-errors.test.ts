import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type HttpAnswer, onEachTopology, untilPushed } from '@millrace/testkit';
import { assertJson, memberOf, textAt } from './support/assert-answer.ts';
import { httpCall } from './support/http-call.ts';
import { type Issuer, openIssuer } from './support/issue-credential.ts';
import { countSettled } from './support/stored-events.ts';

const GOOD = {
  eventType: 'page_view',
  userId: 'user_1',
  sessionId: 'session_1',
  timestamp: '2024-01-30T12:34:56Z',
};

/** What is wrong with a field, and a value that is. */
const INVALID: readonly { field: string; what: string; value: unknown }[] = [
  { field: 'eventType', what: 'missing', value: undefined },
  { field: 'eventType', what: 'empty', value: '' },
  { field: 'eventType', what: 'longer than 100', value: 'a'.repeat(101) },
  { field: 'eventType', what: 'begun by a digit', value: '1click' },
  { field: 'eventType', what: 'holding a space', value: 'page view' },
  { field: 'eventType', what: 'a number', value: 5 },
  { field: 'userId', what: 'missing', value: undefined },
  { field: 'userId', what: 'empty', value: '' },
  { field: 'userId', what: 'longer than 128', value: 'u'.repeat(129) },
  { field: 'userId', what: 'null', value: null },
  { field: 'sessionId', what: 'missing', value: undefined },
  { field: 'sessionId', what: 'longer than 128', value: 's'.repeat(129) },
  { field: 'timestamp', what: 'missing', value: undefined },
  { field: 'timestamp', what: 'a number', value: 1706618096000 },
  { field: 'timestamp', what: 'a date without a time', value: '2024-01-30' },
  { field: 'timestamp', what: 'a day that is none', value: '2024-02-30T00:00:00Z' },
  { field: 'timestamp', what: 'without an offset', value: '2024-01-30T12:34:56' },
  { field: 'priority', what: '0', value: 0 },
  { field: 'priority', what: '11', value: 11 },
  { field: 'priority', what: 'a fraction', value: 1.5 },
  { field: 'priority', what: 'text', value: '1' },
  { field: 'eventId', what: 'empty', value: '' },
  { field: 'eventId', what: 'longer than 128', value: 'e'.repeat(129) },
  { field: 'eventId', what: 'a number', value: 7 },
  { field: 'payload', what: 'an array', value: [] },
  { field: 'payload', what: 'text', value: 'x' },
  { field: 'metadata', what: 'an array', value: [1] },
];

onEachTopology(
  '003 analytics: errors',
  (stack) => {
    let issuer: Issuer;
    before(() => {
      issuer = openIssuer(stack());
    });

    const send = (path: string, body: unknown, headers: Record<string, string>) =>
      httpCall(`${stack().connection.url}${path}`, {
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
    const withKey = () => ({ 'x-api-key': stack().connection.credentials.apiKey });

    describe('400 VALIDATION_ERROR names the field', () => {
      for (const { field, what, value } of INVALID) {
        test(`${field} ${what}`, async () => {
          const bad = { ...GOOD, [field]: value };
          const single = await send('/api/v1/events', bad, withKey());
          assertError(single, 400, 'VALIDATION_ERROR', new RegExp(`\\b${field}\\b`));
          const batch = await send('/api/v1/events/batch', { events: [GOOD, GOOD, bad] }, withKey());
          assertError(batch, 400, 'VALIDATION_ERROR', new RegExp(`\\b2\\b.*\\b${field}\\b`));
        });
      }

      const batches = [
        { what: 'no events', body: {} },
        { what: 'an empty batch', body: { events: [] } },
        { what: '1001 events', body: { events: Array.from({ length: 1001 }, () => GOOD) } },
        { what: 'events that are an object', body: { events: GOOD } },
      ];
      for (const { what, body } of batches) {
        test(`a batch with ${what}`, async () => {
          assertError(await send('/api/v1/events/batch', body, withKey()), 400, 'VALIDATION_ERROR', /events/);
        });
      }

      test('a batch with an event that is no object', async () => {
        const answer = await send('/api/v1/events/batch', { events: [GOOD, 'x'] }, withKey());
        assertError(answer, 400, 'VALIDATION_ERROR', /\b1\b/);
      });
    });

    test('nothing of a refused batch is stored', async () => {
      const eventType = `half-${randomUUID()}`.replaceAll('-', '_');
      const events = [...Array.from({ length: 10 }, () => ({ ...GOOD, eventType })), { ...GOOD, userId: '' }];
      assert.equal((await send('/api/v1/events/batch', { events }, withKey())).status, 400);
      assert.equal(await countSettled(stack(), { eventType }), 0);
    });

    for (const path of ['/api/v1/events', '/api/v1/events/batch']) {
      const body = path.endsWith('batch') ? { events: [GOOD] } : GOOD;

      test(`401: no credential at ${path} answers MISSING_API_KEY`, async () => {
        assertError(await send(path, body, {}), 401, 'MISSING_API_KEY');
        assertError(await send(path, body, { 'x-api-key': '' }), 401, 'MISSING_API_KEY');
      });

      test(`401: an unknown and an expired key at ${path} answer INVALID_API_KEY`, async () => {
        const expiresAtMs = Date.now() + 3_000;
        const expiring = await issuer.issue({ permissions: ['*'], expiresAtMs });
        await sleep(expiresAtMs - Date.now() + 1);
        for (const key of ['evp_unknown', expiring, 'x'.repeat(600), "' OR '1'='1"]) {
          assertError(await send(path, body, { 'x-api-key': key }), 401, 'INVALID_API_KEY');
        }
      });

      test(`401: a revoked key is refused at ${path}`, async (t) => {
        const key = await issuer.issue({ permissions: ['*'] });
        assert.equal((await send(path, body, { 'x-api-key': key })).status, 202);
        await issuer.revoke(key);
        await untilPushed(t, 'refused', async () =>
          assertError(await send(path, body, { 'x-api-key': key }), 401, 'INVALID_API_KEY'),
        );
      });

      test(`403: a key without events:write at ${path} answers FORBIDDEN`, async () => {
        const key = await issuer.issue({ permissions: ['analytics:read'] });
        assertError(await send(path, body, { 'x-api-key': key }), 403, 'FORBIDDEN');
      });

      test(`202: a key of the chatbot's form, or any key as a Bearer token, is a key at ${path}`, async () => {
        const key = await issuer.issue({ permissions: ['events:write'] });
        assert.equal((await send(path, body, { 'x-api-key': key })).status, 202);
        assert.equal(
          (await send(path, body, { authorization: `Bearer ${key}`, 'x-api-key': key })).status,
          202,
        );
      });
    }

    test('401: the statistics without a key answer MISSING_API_KEY, with a bad one INVALID_API_KEY', async () => {
      const url = `${stack().connection.url}/api/v1/events/stats`;
      assertError(await httpCall(url, { method: 'GET' }), 401, 'MISSING_API_KEY');
      const bad = await httpCall(url, { method: 'GET', headers: { 'x-api-key': 'evp_nope' } });
      assertError(bad, 401, 'INVALID_API_KEY');
    });

    test("another workspace's statistics count only its own events", async () => {
      const workspaceId = await issuer.createWorkspace();
      const key = await issuer.issue({ permissions: ['*'], workspaceId });
      const headers = { 'x-api-key': key };
      assert.equal((await send('/api/v1/events', GOOD, headers)).status, 202);
      assert.equal((await send('/api/v1/events', GOOD, withKey())).status, 202);
      assert.equal(await countSettled(stack(), { workspaceId }), 1);
      const url = `${stack().connection.url}/api/v1/events/stats`;
      const answer = await httpCall(url, { method: 'GET', headers });
      assert.equal(memberOf(answer.json(), 'data', 'totalIngested'), 1);
    });

    test('the same eventId in two workspaces is two events', async () => {
      const workspaceId = await issuer.createWorkspace();
      const key = await issuer.issue({ permissions: ['*'], workspaceId });
      const event = { ...GOOD, eventId: randomUUID() };
      assert.equal((await send('/api/v1/events', event, withKey())).status, 202);
      assert.equal((await send('/api/v1/events', event, { 'x-api-key': key })).status, 202);
      assert.equal(await countSettled(stack(), { eventId: event.eventId, workspaceId }), 1);
      assert.equal(await countSettled(stack(), { eventId: event.eventId }), 1);
    });
  },
  { mail: true },
);

/** The documented shape: `details` may come with it, and nothing else. */
function assertError(answer: HttpAnswer, status: number, code: string, message = /./): void {
  const body = answer.json();
  const text = textAt(body, 'error', 'message');
  const details = memberOf(body, 'error', 'details');
  const error = { code, message: text, ...(details === undefined ? {} : { details }) };
  assertJson(answer, status, { success: false, error });
  assert.match(text, message);
}
