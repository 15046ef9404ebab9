import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event } from '@millrace/contracts/millrace/event/v1/event';
import { encodedEvent } from '../../../test/tail.ts';
import { createSharedEvents, type SharedEvent } from './shared-events.ts';

const told = (id: string, cursor = `at-${id}`) => ({ cursor, event: encodedEvent(id) });
const idOf = (event: SharedEvent | undefined) => event?.as(({ eventId }) => eventId);

test('an event is decoded once for all who are told of it, and put once into each form', () => {
  const shared = createSharedEvents();
  let encoded = 0;
  const encode = ({ eventId }: Event, cursor: string) => [++encoded, eventId, cursor];
  const asIds = ({ eventId }: Event) => eventId;
  const events = Array.from({ length: 1_000 }, () => shared.read('w', told('a')));
  assert.equal(new Set(events).size, 1);
  for (const event of events) {
    assert.deepEqual(event?.as(encode), [1, 'a', 'at-a']);
    assert.equal(event?.as(asIds), 'a');
  }
});

test('what differs under one cursor is not the same event: another workspace’s, or another process’s', () => {
  const shared = createSharedEvents();
  const read = (workspaceId: string, id: string) => idOf(shared.read(workspaceId, told(id, 'cursor')));
  assert.deepEqual(
    [read('w', 'a'), read('other', 'x'), read('w', 'b'), read('w', 'a'), read('other', 'x')],
    ['a', 'x', 'b', 'a', 'x'],
  );
});

test('bytes that are no event are none, and stand in nobody’s way', () => {
  const shared = createSharedEvents();
  assert.equal(shared.read('w', { cursor: 'c', event: Buffer.from([0xff]) }), undefined);
  assert.equal(idOf(shared.read('w', told('a', 'c'))), 'a');
});

test('what came in a large message does not keep it, nor do changes to it reach the event', () => {
  const shared = createSharedEvents();
  const message = Buffer.concat([Buffer.alloc(64_000), encodedEvent('a'), Buffer.alloc(64_000)]);
  const event = shared.read('w', { cursor: 'c', event: message.subarray(64_000, -64_000) });
  message.fill(0xff);
  assert.equal(idOf(event), 'a');
  assert.equal(event?.bytes.buffer.byteLength, encodedEvent('a').length);
});

test('only the newest are kept, by their number and by their size', () => {
  const shared = createSharedEvents();
  const first = shared.read('w', told('first'));
  assert.equal(shared.read('w', told('first')), first);
  for (let i = 0; i < 5_000; i++) shared.read('w', told(String(i)));
  const again = shared.read('w', told('first'));
  assert.notEqual(again, first);
  const payload = JSON.stringify({ text: 'x'.repeat(500_000) });
  for (let i = 0; i < 10; i++)
    shared.read('w', { cursor: `large-${i}`, event: encodedEvent('large', payload) });
  assert.notEqual(shared.read('w', told('first')), again);
});
