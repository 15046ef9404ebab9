import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, describe, test } from 'node:test';
import { onEachTopology } from '@millrace/testkit';
import { memberOf, textAt } from './support/assert-answer.ts';
import { assertProblem } from './support/error-shapes.ts';
import { httpCall } from './support/http-call.ts';
import { type Issuer, openIssuer } from './support/issue-credential.ts';
import { caller, newPerson, newWorkspace } from './support/people.ts';
import { settle } from './support/stored-events.ts';

onEachTopology(
  'native: events and their receipts',
  (stack) => {
    const run = randomUUID().slice(0, 8);
    const type = `listed.${run}`;
    const ids = [0, 1, 2, 3, 4].map((i) => `e-${run}-${i}`);
    const payload = '{"big":123456789012345678901234567,  "z": "ok"}';
    let issuer: Issuer;
    const own = () => ({ 'x-api-key': stack().connection.credentials.apiKey });
    const get = (path: string, headers: Record<string, string> = own()) =>
      httpCall(`${stack().connection.url}${path}`, { method: 'GET', headers });
    const list = async (search: Record<string, string>) => {
      const answer = await get(`/v1/events?${new URLSearchParams(search)}`);
      assert.equal(answer.status, 200, answer.text);
      return answer;
    };
    const idsOf = (body: unknown) => (memberOf(body, 'events') as unknown[]).map((one) => textAt(one, 'id'));

    before(async () => {
      issuer = openIssuer(stack());
      for (const [i, id] of ids.entries()) {
        const event = JSON.stringify({ id, type, userId: `u${i % 2}`, sessionId: `s${i}` });
        const sent = await httpCall(`${stack().connection.url}/v1/ingest`, {
          headers: { 'content-type': 'application/json', ...own() },
          body: `[${event.slice(0, -1)},"payload":${payload}}]`,
        });
        assert.equal(sent.status, 202, sent.text);
      }
      await settle(stack());
    });

    test('200: newest first, in pages', async () => {
      const seen: string[] = [];
      let cursor = '';
      do {
        const page = await list({ type, limit: '2', ...(cursor && { cursor }) });
        seen.push(...idsOf(page.json()));
        cursor = String(memberOf(page.json(), 'nextCursor') ?? '');
      } while (cursor !== '');
      assert.deepEqual(seen, ids.toReversed());
    });

    test('200: by user, session, time and filter', async () => {
      assert.deepEqual(idsOf((await list({ type, userId: 'u1' })).json()), [ids[3], ids[1]]);
      assert.deepEqual(idsOf((await list({ type, sessionId: 's2' })).json()), [ids[2]]);
      assert.deepEqual(idsOf((await list({ type, to: '2024-01-01T00:00:00Z' })).json()), []);
      const filter = JSON.stringify({
        or: [
          { field: 'id', eq: ids[0] },
          { field: 'sessionId', eq: 's4' },
        ],
      });
      assert.deepEqual(idsOf((await list({ type, filter })).json()), [ids[4], ids[0]]);
    });

    test('200: a payload is written as it came, every digit of it', async () => {
      assert.ok((await list({ type, limit: '1' })).text.includes(`"payload":${payload}`));
    });

    describe('400 names the parameter', () => {
      const refused: [field: string, search: Record<string, string>][] = [
        ['limit', { limit: '1001' }],
        ['cursor', { cursor: 'nonsense' }],
        ['from', { from: 'yesterday' }],
        ['from', { from: '2024-01-02T00:00:00Z', to: '2024-01-01T00:00:00Z' }],
        ['filter', { filter: '{' }],
        ['filter.eq', { filter: '{"field":"priority","eq":"high"}' }],
        ['filter.or[1].field', { filter: '{"or":[{"field":"id","eq":"a"},{"field":"x y","eq":"a"}]}' }],
        ['userId', { userId: 'x'.repeat(129) }],
      ];
      for (const [field, search] of refused) {
        test(`${field}: ${JSON.stringify(search).slice(0, 60)}`, async () => {
          const answer = await get(`/v1/events?${new URLSearchParams(search)}`);
          assertProblem(answer, 400);
          assert.equal(memberOf(answer.json(), 'errors', 0, 'field'), field, answer.text);
        });
      }
    });

    test('receipt 200: stored, when it was accepted, and to whom it was delivered', async () => {
      const answer = await get(`/v1/events/${ids[1]}`);
      assert.equal(answer.status, 200, answer.text);
      const receipt = answer.json();
      assert.equal(textAt(receipt, 'id'), ids[1]);
      assert.equal(textAt(receipt, 'status'), 'stored');
      assert.equal(textAt(receipt, 'acceptedAt'), textAt(receipt, 'event', 'receivedAt'));
      assert.deepEqual(memberOf(receipt, 'deliveries'), []);
      assert.ok(answer.text.includes(`"payload":${payload}`));
    });

    test('receipt 404: an event that nobody sent; 403: without permission', async () => {
      assertProblem(await get(`/v1/events/nobody-${run}`), 404);
      const key = await issuer.issue({ permissions: ['events:write'] });
      assertProblem(await get(`/v1/events/${ids[1]}`, { 'x-api-key': key }), 403);
      assertProblem(await get('/v1/events', { 'x-api-key': key }), 403);
    });

    test('another workspace with an event of the same id sees its own only', async () => {
      const person = await newPerson(stack());
      const other = await newWorkspace(stack(), person);
      const call = caller(stack(), other.session);
      assert.equal((await call(`GET /v1/events/${ids[1]}`)).status, 404);
      const sent = await call('POST /v1/ingest', [{ id: ids[1], type, payload: { whose: 'other' } }]);
      assert.equal(sent.status, 202, sent.text);
      await settle(stack());
      const theirs = await call(`GET /v1/events/${ids[1]}`);
      assert.equal(memberOf(theirs.json(), 'event', 'payload', 'whose'), 'other');
      assert.deepEqual(idsOf((await call(`GET /v1/events?type=${type}`)).json()), [ids[1]]);
      assert.ok((await get(`/v1/events/${ids[1]}`)).text.includes(payload));
      assert.equal(idsOf((await list({ type })).json()).length, ids.length);
    });
  },
  { mail: true },
);
