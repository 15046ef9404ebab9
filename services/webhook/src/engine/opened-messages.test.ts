import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRecentKeys } from '@millrace/wire';
import { envelopeOf } from '../../../analytics/test/tail.ts';
import { createOpenedMessages } from './opened-messages.ts';

const message = (seq: number, ...ids: string[]) => ({
  seq,
  data: envelopeOf(ids.map((id) => ({ id, workspaceId: id.slice(0, 1) }))),
});

function openerFor(...wanted: string[]) {
  const workspaces = new Set(wanted);
  const open = createOpenedMessages({ keys: createRecentKeys(), isWanted: (id) => workspaces.has(id) });
  return { open, workspaces };
}

test('whoever comes to a message later shares its events', () => {
  const { open } = openerFor('a');
  const first = open(message(7, 'a1', 'a2'));
  assert.deepEqual(
    first.map(({ position, fields }) => [position, fields.eventId]),
    [
      [{ seq: 7, index: 0 }, 'a1'],
      [{ seq: 7, index: 1 }, 'a2'],
    ],
  );
  assert.equal(open(message(7, 'a1', 'a2'))[1], first[1]);
});

test('a workspace that is wanted from now on has its events found in a message that was opened before', () => {
  const { open, workspaces } = openerFor('a');
  const idsIn = (seq: number) => open(message(seq, 'a1', 'b1')).map(({ fields }) => fields.eventId);
  assert.deepEqual(idsIn(7), ['a1']);
  workspaces.add('b');
  assert.deepEqual(idsIn(7), ['a1', 'b1']);
});

test('a message of another stream under the same sequence is not taken for the one before', () => {
  const { open } = openerFor('a');
  open(message(1, 'a1'));
  assert.deepEqual(
    open(message(1, 'a2')).map(({ fields }) => fields.eventId),
    ['a2'],
  );
});
