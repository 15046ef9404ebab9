import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRecentKeys, type ReadEvent } from '@millrace/wire';
import { envelopeOf } from '../../../analytics/test/tail.ts';
import { createSubscriptions, type Subscriber } from '../matching/subscriptions.ts';
import { createInterest } from './interest.ts';
import { createOpenedMessages } from './opened-messages.ts';

const open = createOpenedMessages({ keys: createRecentKeys(), isWanted: () => true });

function interestOf(...ids: string[]) {
  const subscriptions = createSubscriptions<Subscriber<ReadEvent>, ReadEvent>();
  const lanes = new Map(ids.map((id) => [id, `lane of ${id}`]));
  const erasedUsers = new Set<string>();
  let asked = 0;
  const accepts = () => {
    asked++;
    return true;
  };
  const subscribe = (id: string, events = ['*']) =>
    subscriptions.set({ id, workspaceId: 'w', events, accepts });
  const isErased = ({ userId }: { userId: string }) => erasedUsers.has(userId);
  const interest = createInterest({ subscriptions, lanes, erased: { isErased } });
  return { interest, subscribe, subscriptions, erasedUsers, asked: () => asked };
}

const [event] = open({ seq: 1, data: envelopeOf([{ id: 'e', workspaceId: 'w', userId: 'u', type: 'a' }]) });
assert.ok(event);

test('who wants an event is found once, until somebody subscribes or ends it', () => {
  const { interest, subscribe, subscriptions, asked } = interestOf('one', 'two');
  subscribe('one');
  assert.deepEqual(interest(event), ['lane of one']);
  assert.deepEqual(interest(event), ['lane of one']);
  assert.equal(asked(), 1);
  subscribe('two', ['a']);
  assert.deepEqual([...interest(event)].sort(), ['lane of one', 'lane of two']);
  subscribe('two', ['b']);
  assert.deepEqual(interest(event), ['lane of one']);
  subscriptions.delete('one');
  assert.deepEqual(interest(event), []);
});

test('nobody gets an event of a user who was deleted meanwhile', () => {
  const { interest, subscribe, erasedUsers } = interestOf('one');
  subscribe('one');
  assert.deepEqual(interest(event), ['lane of one']);
  erasedUsers.add('u');
  assert.deepEqual(interest(event), []);
});
