import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEventCounter } from './watch-tails.ts';

const STREAM = [
  'retry: 1000\n\n: still here\nid: a\n\n',
  'id: b\nevent: event\ndata: {"text":"event: event"}\n\n',
  'id: c\nevent: gap\ndata: {}\n\n',
  'id: d\nevent: event\ndata: {}\n\nid: e\nevent: event\ndata: {}\n\n',
  'id: f\nevent: end\ndata: {}\n\n',
].join('');

test('every event is counted once, wherever the stream was cut', () => {
  for (let size = 1; size <= STREAM.length; size++) {
    const count = createEventCounter();
    let events = 0;
    for (let at = 0; at < STREAM.length; at += size) events += count(STREAM.slice(at, at + size));
    assert.equal(events, 3, `pieces of ${size}`);
  }
});
