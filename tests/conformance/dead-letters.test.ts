import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import { BadRequestSchema } from '@millrace/contracts/google/rpc/error_details';
import { DeadLetterService } from '@millrace/contracts/millrace/api/v1/dead_letter';
import { eventually, onEachTopology } from '@millrace/testkit';
import { memberOf, textAt } from './support/assert-answer.ts';
import {
  type DeadLetterBench,
  newId,
  openDeadLetters,
  pathOf as path,
  succeed,
  type WorkspacePoison,
} from './support/dead-letters.ts';
import { assertProblem } from './support/error-shapes.ts';
import type { Call } from './support/people.ts';
import { findEvents, settle } from './support/stored-events.ts';

const TRANSPORTS: Readonly<Record<string, (baseUrl: string) => Transport>> = {
  Connect: (baseUrl) => createConnectTransport({ baseUrl, httpVersion: '1.1' }),
  gRPC: (baseUrl) => createGrpcTransport({ baseUrl }),
};

onEachTopology(
  'native: dead letters',
  (stack) => {
    let letters: DeadLetterBench;
    before(async () => {
      letters = await openDeadLetters(stack());
    });
    const call: Call = (...args) => letters.call(...args);
    const plant = (...events: readonly WorkspacePoison[]) => letters.plant(...events);
    const plantOne = async (event: WorkspacePoison) => (await plant(event))[0] ?? assert.fail();

    test('what could not be stored is listed, edited, replayed, and stored once', async () => {
      const eventId = newId();
      const big = '{"big":123456789012345678901234567}';
      const id = await plantOne({ id: eventId, payload: big });
      assert.ok((await letters.list('state=parked&reason=refused_by_store')).includes(id));
      const receipt = await succeed(call(`GET /v1/events/${eventId}`));
      assert.equal(textAt(receipt, 'status'), 'dead_letter');
      assert.equal(textAt(receipt, 'deadLetterId'), id);

      const refused = await call(`POST ${path(id)}/replay`);
      assertProblem(refused, 400);
      assert.equal(memberOf(refused.json(), 'errors', 0, 'field'), 'priority');
      const edited = await call(`PATCH ${path(id)}`, { priority: 7, type: 'mended', userId: null });
      assert.equal(edited.status, 200, edited.text);
      assert.ok(edited.text.includes(`"payload":${big}`), 'what is not edited stays as it came');
      assert.equal(memberOf(edited.json(), 'edited'), true);

      const replay = await succeed(call(`POST ${path(id)}/replay`));
      assert.deepEqual(replay, { id, eventId, alreadyReplayed: false });
      const again = await succeed(call(`POST ${path(id)}/replay`));
      assert.deepEqual(again, { id, eventId, alreadyReplayed: true });
      const [row, ...more] = await letters.stored(eventId);
      assert.deepEqual(more, []);
      assert.equal(row?.payload, big);
      assert.deepEqual([row?.eventType, row?.priority, row?.userId], ['mended', 7, '']);
      assert.equal(row?.dialect, 'analytics');
      assert.equal(textAt(await succeed(call(`GET /v1/events/${eventId}`)), 'status'), 'stored');
      assert.equal(textAt(await succeed(call(`GET ${path(id)}`)), 'state'), 'replayed');
      assert.ok(!(await letters.list('state=parked')).includes(id));
      assert.ok((await letters.list('state=replayed&type=mended')).includes(id));

      await eventually(async () => {
        const entries = memberOf(await succeed(call(`GET /v1/audit?target=${id}`)), 'entries') as unknown[];
        assert.deepEqual(
          entries.map((entry) => textAt(entry, 'action')),
          ['dead_letter.replayed', 'dead_letter.replayed', 'dead_letter.edited'],
        );
      });
    });

    for (const [name, connect] of Object.entries(TRANSPORTS)) {
      test(`by ${name}: listed, read, refused with its field, replayed, discarded`, async () => {
        const type = `called.${newId()}`;
        const [id = '', other = ''] = await plant({ id: newId(), type }, { id: newId(), type });
        const client = createClient(DeadLetterService, connect(stack().connection.url));
        const headers = { authorization: `Bearer ${letters.session}` };
        const listed = await client.listDeadLetters({ eventType: type }, { headers });
        assert.deepEqual(
          listed.deadLetters.map((one) => one.id),
          [other, id],
        );
        await assert.rejects(client.replayDeadLetter({ id }, { headers }), (thrown) => {
          const error = ConnectError.from(thrown);
          assert.equal(error.code, Code.InvalidArgument);
          const [detail] = error.findDetails(BadRequestSchema);
          return detail?.fieldViolations[0]?.field === 'priority';
        });
        await succeed(call(`PATCH ${path(id)}`, { priority: 1 }));
        assert.equal((await client.getDeadLetter({ id }, { headers })).event?.priority, 1);
        const { alreadyReplayed } = await client.replayDeadLetter({ id }, { headers });
        assert.equal(alreadyReplayed, false);
        assert.equal((await client.replayDeadLetter({ id }, { headers })).alreadyReplayed, true);
        await client.discardDeadLetter({ id: other }, { headers });
        await assert.rejects(
          client.discardDeadLetter({ id }, { headers }),
          (thrown) => ConnectError.from(thrown).code === Code.FailedPrecondition,
        );
      });
    }

    test('asked for at once by many, an event is stored once', async () => {
      const eventId = newId();
      const id = await plantOne({ id: eventId });
      await succeed(call(`PATCH ${path(id)}`, { priority: 1 }));
      const answers = await Promise.all(Array.from({ length: 10 }, () => call(`POST ${path(id)}/replay`)));
      for (const { status, text } of answers) assert.equal(status, 200, text);
      const fresh = answers.filter((answer) => memberOf(answer.json(), 'alreadyReplayed') === false);
      assert.equal(fresh.length, 1);
      assert.equal((await letters.stored(eventId)).length, 1);
    });

    test('an event that is damaged has to be edited, and its whole rest to be an event', async () => {
      const eventId = newId();
      const id = await plantOne({ id: eventId, payload: '{"a":1}', cut: 9 });
      const read = await succeed(call(`GET ${path(id)}`));
      assert.equal(memberOf(read, 'readable'), false);
      assert.equal(textAt(read, 'reason'), 'malformed_event');
      const refused = await call(`POST ${path(id)}/replay`);
      assertProblem(refused, 400);
      assert.match(refused.text, /damaged/);
      const edited = await succeed(
        call(`PATCH ${path(id)}`, { priority: 1, payload: { a: 2 }, metadata: {} }),
      );
      assert.equal(memberOf(edited, 'readable'), true);
      await succeed(call(`POST ${path(id)}/replay`));
      assert.deepEqual(
        (await letters.stored(eventId)).map(({ payload }) => payload),
        ['{"a":2}'],
      );
    });

    test('an edit is held to the schema of its type, and so is a replay', async () => {
      const type = `typed.${newId()}`;
      const [id = '', loose = ''] = await plant({ id: newId(), type }, { id: newId(), type });
      await succeed(call(`PATCH ${path(loose)}`, { priority: 1 }));
      const schema = { type: 'object', required: ['n'], properties: { n: { type: 'number' } } };
      await succeed(call(`PUT /v1/schemas/${type}`, { schema }), 201);
      await eventually(async () => {
        assertProblem(await call(`PATCH ${path(id)}`, { priority: 1, payload: { n: 'no' } }), 400);
      });
      assertProblem(await call(`POST ${path(loose)}/replay`), 400);
      await succeed(call(`PATCH ${path(loose)}`, { payload: { n: 1 } }));
      await succeed(call(`POST ${path(loose)}/replay`));
    });

    test('discarded: it is not replayed any more, and one that is replayed is not discarded', async () => {
      const eventId = newId();
      const [id = '', done = ''] = await plant({ id: eventId }, { id: newId() });
      await succeed(call(`DELETE ${path(id)}`), 204);
      await succeed(call(`DELETE ${path(id)}`), 204);
      assert.equal(textAt(await succeed(call(`GET ${path(id)}`)), 'state'), 'discarded');
      assertProblem(await call(`POST ${path(id)}/replay`), 409);
      assertProblem(await call(`PATCH ${path(id)}`, { priority: 1 }), 409);
      await succeed(call(`PATCH ${path(done)}`, { priority: 1 }));
      await succeed(call(`POST ${path(done)}/replay`));
      assertProblem(await call(`DELETE ${path(done)}`), 409);
      assert.equal((await letters.stored(eventId)).length, 0);
    });

    test('many: in pages, those that need an edit are named', async () => {
      const type = `many.${newId()}`;
      const events = Array.from({ length: 25 }, () => ({ id: newId(), type }));
      const ids = await plant(...events);
      const bad = ids[7] ?? '';
      for (const id of ids) if (id !== bad) await succeed(call(`PATCH ${path(id)}`, { priority: 2 }));
      const replayed: string[] = [];
      const failed: unknown[] = [];
      let cursor: unknown;
      do {
        const body = { type, limit: 10, ...(typeof cursor === 'string' ? { cursor } : {}) };
        const answer = await succeed(call('POST /v1/dead-letters/replay', body));
        replayed.push(...(memberOf(answer, 'replayed') as unknown[]).map((one) => textAt(one, 'id')));
        failed.push(...(memberOf(answer, 'failed') as unknown[]));
        cursor = memberOf(answer, 'nextCursor');
      } while (cursor !== null);
      assert.deepEqual(replayed.sort(), ids.filter((id) => id !== bad).sort());
      assert.deepEqual(
        failed.map((one) => [textAt(one, 'id'), textAt(one, 'field')]),
        [[bad, 'priority']],
      );
      await settle(stack());
      assert.equal(
        (await findEvents(stack(), { eventType: type, workspaceId: letters.workspaceId })).length,
        24,
      );
      const answer = await succeed(call('POST /v1/dead-letters/discard', { type }));
      assert.deepEqual(answer, { discarded: [bad], nextCursor: null });
      assert.deepEqual(await letters.list(`state=parked&type=${type}`), []);
    });

    test('200: a list in pages, newest first', async () => {
      const type = `paged.${newId()}`;
      const ids = await plant(...Array.from({ length: 5 }, () => ({ id: newId(), type })));
      const first = await succeed(call(`GET /v1/dead-letters?type=${type}&limit=3`));
      const cursor = textAt(first, 'nextCursor');
      const rest = await letters.list(`type=${type}&limit=3&cursor=${cursor}`);
      assert.deepEqual([...(await letters.list(`type=${type}&limit=3`)), ...rest], ids.toReversed());
      assert.deepEqual(await letters.list(`type=${type}&to=2024-01-01T00:00:00Z`), []);
      assert.equal((await letters.list(`type=${type}&from=2024-01-01T00:00:00Z`)).length, 5);
    });
  },
  { mail: true },
);
