import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { onEachTopology } from '@millrace/testkit';
import { memberOf, textAt } from './support/assert-answer.ts';
import {
  type DeadLetterBench,
  newId,
  openDeadLetters,
  pathOf as path,
  succeed,
} from './support/dead-letters.ts';
import { assertProblem } from './support/error-shapes.ts';
import { openIssuer } from './support/issue-credential.ts';
import { type Call, caller } from './support/people.ts';
import { plantDeadLetters } from './support/plant-dead-letters.ts';

onEachTopology(
  'native: dead letters that are somebody else’s, and bad requests',
  (stack) => {
    let letters: DeadLetterBench;
    before(async () => {
      letters = await openDeadLetters(stack());
    });
    const call: Call = (...args) => letters.call(...args);
    const other: Call = (...args) => letters.other(...args);

    test('another workspace neither sees nor changes it, though its letters have the same event ids', async () => {
      const eventId = newId();
      const [id = '', theirs = ''] = await plantDeadLetters(stack(), [
        { workspaceId: letters.workspaceId, id: eventId },
        { workspaceId: letters.otherId, id: eventId },
      ]);
      assert.deepEqual(await letters.list('', other), [theirs]);
      for (const route of [
        `GET ${path(id)}`,
        `DELETE ${path(id)}`,
        `POST ${path(id)}/replay`,
        `PATCH ${path(id)}`,
      ]) {
        const answer = await other(route, route.startsWith('PATCH') ? { priority: 1 } : undefined);
        assertProblem(answer, 404);
      }
      assert.equal(textAt(await succeed(other(`GET /v1/events/${eventId}`)), 'deadLetterId'), theirs);
      const all = await succeed(other('POST /v1/dead-letters/discard', {}));
      assert.deepEqual(memberOf(all, 'discarded'), [theirs]);
      assert.equal(textAt(await succeed(call(`GET ${path(id)}`)), 'state'), 'parked');
    });

    test('a letter whose bytes do not tell whose it is, is in nobody’s list', async () => {
      const [id = ''] = await plantDeadLetters(stack(), [{ workspaceId: '', id: newId() }]);
      assert.ok(!(await letters.list('')).includes(id));
      assertProblem(await call(`GET ${path(id)}`), 404);
      const operator = caller(stack(), stack().connection.credentials.apiKey);
      assertProblem(await operator(`GET ${path(id)}`), 404);
    });

    test('403: a key that may only send, as a browser has, changes nothing', async () => {
      const operator = { workspaceId: stack().connection.workspaceId, id: newId() };
      const [id = ''] = await plantDeadLetters(stack(), [operator]);
      const issuer = openIssuer(stack());
      const sender = caller(stack(), await issuer.issue({ permissions: ['events:write'] }));
      const reader = caller(stack(), await issuer.issue({ permissions: ['events:read'] }));
      for (const route of [`DELETE ${path(id)}`, `POST ${path(id)}/replay`]) {
        assertProblem(await sender(route), 403, 'events:read');
        assertProblem(await reader(route), 403, 'events:write');
      }
      assert.equal((await reader(`GET ${path(id)}`)).status, 200);
      assertProblem(await sender(`GET ${path(id)}`), 403);
    });

    describe('400 names what is wrong', () => {
      let id: string;
      before(async () => {
        [id = ''] = await letters.plant({ id: newId() });
      });
      const edits: [field: string, body: unknown][] = [
        ['priority', { priority: 11 }],
        ['type', { type: '' }],
        ['payload', { payload: [] }],
        ['id', { id: 'other' }],
        ['', {}],
        ['labels[1]', { priority: 1, labels: ['a', 1] }],
      ];
      for (const [field, body] of edits) {
        test(`PATCH ${JSON.stringify(body)}`, async () => {
          const answer = await call(`PATCH ${path(id)}`, body);
          assertProblem(answer, 400);
          assert.equal(memberOf(answer.json(), 'errors', 0, 'field'), field, answer.text);
        });
      }
      for (const [field, search] of [
        ['state', 'state=lost'],
        ['limit', 'limit=0'],
        ['cursor', 'cursor=nonsense'],
        ['from', 'from=now'],
      ]) {
        test(`GET ?${search}`, async () => {
          const answer = await call(`GET /v1/dead-letters?${search}`);
          assertProblem(answer, 400);
          assert.equal(memberOf(answer.json(), 'errors', 0, 'field'), field, answer.text);
        });
      }
      test('POST replay with a cursor that is none, and a limit beyond all', async () => {
        assertProblem(await call('POST /v1/dead-letters/replay', { cursor: 'x' }), 400, 'cursor');
        assertProblem(await call('POST /v1/dead-letters/discard', { limit: 101 }), 400, 'limit');
      });
      for (const odd of ['01000-1-0', '1000-1', "1000-1-0' OR 1=1", '99999999999999999999-1-1']) {
        test(`404: ${odd}`, async () =>
          assertProblem(await call(`GET ${path(encodeURIComponent(odd))}`), 404));
      }
    });
  },
  { mail: true },
);
