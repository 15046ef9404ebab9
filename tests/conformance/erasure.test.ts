import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, test } from 'node:test';
import { eventually, onEachTopology } from '@millrace/testkit';
import { memberOf, textAt, UUID_V7 } from './support/assert-answer.ts';
import { type Issuer, openIssuer } from './support/issue-credential.ts';
import { openTail } from './support/open-tail.ts';
import { caller, newPerson, newWorkspace } from './support/people.ts';
import { findEvents, settle } from './support/stored-events.ts';

const SOON = { timeoutMs: 60_000, intervalMs: 200 };

onEachTopology(
  'native: deleting a user',
  (stack) => {
    let issuer: Issuer;
    let first: { id: string; session: string };
    let second: { id: string; session: string };
    before(async () => {
      issuer = openIssuer(stack());
      const owner = await newPerson(stack());
      first = await newWorkspace(stack(), owner);
      second = await newWorkspace(stack(), owner);
    });

    const as = (secret: string) => caller(stack(), secret);
    const ingest = async (secret: string, events: readonly object[]) => {
      const answer = await as(secret)('POST /v1/ingest', events);
      assert.equal(answer.status, 202, answer.text);
    };
    const request = async (secret: string, userId: string) => {
      const answer = await as(secret)('POST /v1/deletions', { userId });
      assert.equal(answer.status, 202, answer.text);
      return answer.json();
    };
    const untilDone = (secret: string, id: string) =>
      eventually(async () => {
        const answer = await as(secret)(`GET /v1/deletions/${id}`);
        if (!answer.text.includes('"status":"done"')) throw new Error(answer.text);
        return answer.json();
      }, SOON);
    const idsOf = async (workspaceId: string) =>
      (await findEvents(stack(), { workspaceId })).map(({ eventId }) => eventId);
    const valuesOf = async (secret: string, field: string) =>
      (await as(secret)('POST /v1/query', { breakdown: { fields: [field] } })).text;

    test('no trace is left in rows, figures, field values and the tail; a namesake elsewhere keeps theirs', async () => {
      const userId = `user-${randomUUID()}`;
      const mine = [
        { id: 'early', type: 't', userId },
        { id: 'other', type: 't', userId: 'other' },
      ];
      await ingest(first.session, mine);
      await ingest(second.session, mine);
      const job = await request(first.session, userId);
      assert.match(textAt(job, 'id'), UUID_V7);
      assert.equal(memberOf(job, 'userId'), userId);
      assert.equal(memberOf(job, 'status'), 'pending');
      await ingest(first.session, [{ id: 'late', type: 't', userId }]);
      const done = await untilDone(first.session, textAt(job, 'id'));
      assert.equal(memberOf(done, 'progress'), 1);
      assert.equal(memberOf(done, 'error'), null);
      assert.ok(textAt(done, 'finishedAt') >= textAt(done, 'startedAt'));
      await settle(stack());

      assert.deepEqual(await idsOf(first.id), ['other', 'late']);
      assert.deepEqual(await idsOf(second.id), ['early', 'other']);
      assert.ok(!(await valuesOf(first.session, 'id')).includes('early'));
      assert.ok((await valuesOf(second.session, 'userId')).includes(userId));
      const url = `${stack().connection.url}/v1/events/tail?last=100`;
      const tail = await openTail(url, { authorization: `Bearer ${first.session}` });
      await tail.until(2);
      assert.deepEqual(
        tail.sent().map(({ data }) => data['id']),
        ['other', 'late'],
      );
      tail.leave();
    });

    test('the job is listed and audited in its own workspace only; the audit log does not name the user', async () => {
      const userId = `user-${randomUUID()}`;
      const id = textAt(await request(first.session, userId), 'id');
      const listed = await as(first.session)('GET /v1/deletions?limit=1');
      assert.ok(listed.text.includes(id), listed.text);
      assert.equal(typeof memberOf(listed.json(), 'nextCursor'), 'string');
      const elsewhere = as(second.session);
      assert.ok(!(await elsewhere('GET /v1/deletions')).text.includes(id));
      assert.equal((await elsewhere(`GET /v1/deletions/${id}`)).status, 404);
      const entries = await eventually(async () => {
        const { text } = await as(first.session)('GET /v1/audit?action=deletion.requested');
        if (!text.includes(id)) throw new Error(text);
        return text;
      }, SOON);
      assert.ok(!entries.includes(userId));
      assert.ok(!(await elsewhere('GET /v1/audit')).text.includes(id));
    });

    test('how long events are kept is set for one workspace, by name of days, and audited', async () => {
      const call = as(first.session);
      assert.equal((await call('GET /v1/retention')).text, '{"days":null}');
      assert.equal((await call('PUT /v1/retention', { days: 30 })).status, 200);
      assert.equal((await call('GET /v1/retention')).text, '{"days":30}');
      assert.equal((await as(second.session)('GET /v1/retention')).text, '{"days":null}');
      assert.equal((await call('PUT /v1/retention', { days: null })).text, '{"days":null}');
      for (const days of [0, 3_651, 1.5, '30', undefined]) {
        const answer = await call('PUT /v1/retention', { days });
        assert.equal(answer.status, 400, answer.text);
        assert.ok(answer.text.includes('days'), answer.text);
      }
      await eventually(async () => {
        const { text } = await call('GET /v1/audit?action=retention.changed');
        if (!text.includes('{"days":null,"before":30}')) throw new Error(text);
      }, SOON);
    });

    test('what can not be done is refused by name', async () => {
      const call = as(first.session);
      for (const [route, body, status, field] of [
        ['POST /v1/deletions', {}, 400, 'userId'],
        ['POST /v1/deletions', { userId: '' }, 400, 'userId'],
        ['POST /v1/deletions', { userId: 'x'.repeat(256) }, 400, 'userId'],
        ['POST /v1/deletions', { userId: 'x', all: true }, 400, 'all'],
        ['GET /v1/deletions?limit=0', undefined, 400, 'limit'],
        ['GET /v1/deletions?cursor=x', undefined, 400, 'cursor'],
      ] as const) {
        const answer = await call(route, body);
        assert.equal(answer.status, status, answer.text);
        assert.ok(answer.text.includes(field), answer.text);
      }
      const key = await issuer.issue({ permissions: ['events:read', 'events:write'] });
      assert.equal((await as(key)('POST /v1/deletions', { userId: 'x' })).status, 403);
    });
  },
  { mail: true },
);
