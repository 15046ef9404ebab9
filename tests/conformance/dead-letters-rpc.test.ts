import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { DeadLetterService, DeadLetterState } from '@millrace/contracts/millrace/api/v1/dead_letter';
import type { NewEventSchema } from '@millrace/contracts/millrace/api/v1/event';
import { eventually, onEachTopology } from '@millrace/testkit';
import { memberOf, textAt } from './support/assert-answer.ts';
import { type DeadLetterBench, newId, openDeadLetters, pathOf, succeed } from './support/dead-letters.ts';
import { restRefusal, rpcRefusal, TRANSPORTS } from './support/rpc-parity.ts';

onEachTopology(
  'native: dead letters are edited, and many at once, by RPC as by REST',
  (stack) => {
    let letters: DeadLetterBench;
    before(async () => {
      letters = await openDeadLetters(stack());
    });
    const json = (text: string) => ({ case: 'payloadJson' as const, value: Buffer.from(text) });

    for (const [name, connect] of Object.entries(TRANSPORTS)) {
      describe(name, () => {
        const as = () => ({ headers: { authorization: `Bearer ${letters.session}` } });
        const client = () => createClient(DeadLetterService, connect(stack().connection.url));
        /** Two letters of events that are alike but for their ids. */
        const plantTwins = async () => {
          const [one = '', two = ''] = await letters.plant(
            { id: newId(), payload: '{"a":1}' },
            { id: newId(), payload: '{"a":1}' },
          );
          return { byRest: one, byRpc: two };
        };
        const eventOf = async (id: string) => {
          const letter = await succeed(letters.call(`GET ${pathOf(id)}`));
          const event = memberOf(letter, 'event');
          assert.ok(typeof event === 'object');
          const edited = memberOf(letter, 'edited');
          return { ...event, id: '', receivedAt: '', occurredAt: '', edited };
        };

        test('an edit takes the fields that are named, and no other', async () => {
          const { byRest, byRpc } = await plantTwins();
          const edits = [
            { type: 'mended', userId: null, priority: 2, payload: { big: 1 }, labels: ['a'] },
            { source: 'shop', metadata: { m: [1, null] }, sessionId: 's' },
            { labels: [], payload: null },
          ];
          const calls = [
            {
              event: {
                type: 'mended',
                source: 'ignored',
                priority: 2,
                data: json('{"big":1}'),
                labels: ['a'],
              },
              updateMask: { paths: ['type', 'user_id', 'priority', 'payload', 'labels'] },
            },
            {
              event: { source: 'shop', metadata: { m: [1, null] }, sessionId: 's', type: '\0' },
              updateMask: { paths: ['source', 'metadata', 'session_id', 'source'] },
            },
            { updateMask: { paths: ['labels', 'payload_json'] } },
          ];
          for (const [i, edit] of edits.entries()) {
            await succeed(letters.call(`PATCH ${pathOf(byRest)}`, edit));
            const edited = await client().editDeadLetter({ ...calls[i], id: byRpc }, as());
            assert.equal(edited.readable, true);
            assert.deepEqual(await eventOf(byRpc), await eventOf(byRest));
          }
          await eventually(async () => {
            const [rest, rpc] = await Promise.all(
              [byRest, byRpc].map(async (id) =>
                (
                  memberOf(await succeed(letters.call(`GET /v1/audit?target=${id}`)), 'entries') as object[]
                ).map((entry) => [
                  textAt(entry, 'action'),
                  (memberOf(entry, 'details', 'fields') as string[]).toSorted(),
                ]),
              ),
            );
            assert.equal(rest?.length, 3);
            assert.deepEqual(rpc, rest);
          });
          const exact = '{"n": 123456789012345678901234567}';
          const edit = { event: { data: json(exact) }, updateMask: { paths: ['payload'] } };
          const { event } = await client().editDeadLetter({ id: byRpc, ...edit }, as());
          assert.equal(Buffer.from(event?.payloadJson ?? []).toString(), exact);
        });

        test('an edit that is no event, or of a letter that is decided, is refused in the same words', async () => {
          const { byRest, byRpc } = await plantTwins();
          const edits: [object, MessageInitShape<typeof NewEventSchema>, string][] = [
            [{ priority: 11 }, { priority: 11 }, 'priority'],
            [{ type: '' }, { type: '' }, 'type'],
            [{ type: 'ok' }, { type: 'ok' }, 'type'],
            [{ userId: 'x'.repeat(129), priority: 1 }, { userId: 'x'.repeat(129) }, 'user_id'],
            [{ labels: ['x'.repeat(101)], priority: 1 }, { labels: ['x'.repeat(101)] }, 'labels'],
          ];
          for (const [edit, event, path] of edits) {
            const answer = await letters.call(`PATCH ${pathOf(byRest)}`, edit);
            const paths = path === 'type' ? [path] : [path, 'priority'];
            const call = client().editDeadLetter(
              { id: byRpc, event: { priority: 1, ...event }, updateMask: { paths } },
              as(),
            );
            assert.deepEqual(await rpcRefusal(call), restRefusal(answer), answer.text);
          }
          for (const mask of [undefined, [], ['id'], ['trace_id'], ['type', '__proto__']]) {
            const call = client().editDeadLetter(
              { id: byRpc, event: { type: 'x' }, ...(mask && { updateMask: { paths: mask } }) },
              as(),
            );
            assert.deepEqual(await rpcRefusal(call), { status: 400, field: 'updateMask' });
          }
          const edit = { event: { priority: 1 }, updateMask: { paths: ['priority'] } };
          await client().discardDeadLetter({ id: byRpc }, as());
          await succeed(letters.call(`DELETE ${pathOf(byRest)}`), 204);
          const answer = await letters.call(`PATCH ${pathOf(byRest)}`, { priority: 1 });
          const call = client().editDeadLetter({ ...edit, id: byRpc }, as());
          assert.deepEqual(await rpcRefusal(call), restRefusal(answer));
          const nobodys = client().editDeadLetter({ ...edit, id: '1000-1-999' }, as());
          assert.deepEqual(await rpcRefusal(nobodys), { status: 404, field: undefined });
        });

        test('many are replayed and discarded by pages, and what needs an edit is named', async () => {
          const type = `many.${newId()}`;
          const ids = await letters.plant(...[1, 2, 3].map(() => ({ id: newId(), type })));
          const [mended = '', broken = '', last = ''] = ids;
          const mend = { event: { priority: 1 }, updateMask: { paths: ['priority'] } };
          for (const id of [mended, last]) await client().editDeadLetter({ ...mend, id }, as());
          const first = await client().replayDeadLetters({ eventType: type, pageSize: 2 }, as());
          assert.deepEqual(
            first.replayed.map(({ id, alreadyReplayed }) => [id, alreadyReplayed]),
            [[last, false]],
          );
          assert.deepEqual(
            first.failed.map(({ id, error }) => [id, error?.field, error?.issue]),
            [[broken, 'priority', 'Number must be less than or equal to 10']],
          );
          const pageToken = first.nextPageToken;
          const second = await client().replayDeadLetters({ eventType: type, pageSize: 2, pageToken }, as());
          assert.deepEqual([second.replayed.map(({ id }) => id), second.nextPageToken], [[mended], '']);
          const again = await succeed(letters.call('POST /v1/dead-letters/replay', { type }));
          assert.deepEqual(memberOf(again, 'failed', 0, 'id'), broken);
          const reason = 'malformed_event';
          assert.deepEqual((await client().discardDeadLetters({ eventType: type, reason }, as())).ids, []);
          assert.deepEqual((await client().discardDeadLetters({ eventType: type }, as())).ids, [broken]);
          const { deadLetters } = await client().listDeadLetters({ eventType: type }, as());
          const { DISCARDED, REPLAYED } = DeadLetterState;
          assert.deepEqual(
            deadLetters.map(({ state }) => state),
            [REPLAYED, DISCARDED, REPLAYED],
          );
          for (const [request, body] of [
            [{ pageSize: 101 }, { limit: 101 }],
            [{ pageToken: 'x' }, { cursor: 'x' }],
            [{ reason: 'x'.repeat(256) }, { reason: 'x'.repeat(256) }],
          ] as const) {
            for (const [method, route] of [
              ['replayDeadLetters', 'replay'],
              ['discardDeadLetters', 'discard'],
            ] as const) {
              const answer = await letters.call(`POST /v1/dead-letters/${route}`, body);
              const call = client()[method](request, as());
              assert.deepEqual(await rpcRefusal(call), restRefusal(answer), answer.text);
            }
          }
        });
      });
    }
  },
  { mail: true },
);
