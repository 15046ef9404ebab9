import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from '@millrace/runtime';
import type { StreamMessage } from '@millrace/stores';
import { frameItem } from '@millrace/wire';
import { knownInMemory, loadKnownEvents } from './known-events.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const key = (name: string) => name.padEnd(16, '.');

function message(seq: number, ...ids: [key: string, eventId: string][]): StreamMessage {
  const items = ids.map(([name, eventId]) =>
    frameItem({
      event: Buffer.from('e'),
      dedupKey: name === '' ? '' : key(name),
      bodyHash: '8 bytes.',
      eventId,
    }),
  );
  return { seq, data: Buffer.concat(items), storedAt: '2026-01-01T00:00:00Z' };
}

test('ids come back, and of duplicates the original is the one that is answered', async () => {
  const known = knownInMemory({ maxKeys: 10 });
  await loadKnownEvents({
    async readNewest(onChunk) {
      onChunk([message(3, ['b', 'b-second']), message(4, ['', 'keyless'])]);
      onChunk([
        message(1, ['a', 'a-first'], ['a', 'a-second']),
        message(2, ['b', 'b-first'], ['a', 'a-third']),
      ]);
    },
    known,
    maxKeys: 10,
    log,
  });
  assert.deepEqual(
    known.lookUp([key('a'), key('b'), key('c')]).map((one) => one?.eventId),
    ['a-first', 'b-first', undefined],
  );
});

test('reading ends when half of the memory is full', async () => {
  const asked: boolean[] = [];
  await loadKnownEvents({
    async readNewest(onChunk) {
      asked.push(onChunk([message(2, ['b', 'b'])]));
      asked.push(onChunk([message(1, ['a', 'a'])]));
    },
    known: knownInMemory({ maxKeys: 4 }),
    maxKeys: 4,
    log,
  });
  assert.deepEqual(asked, [true, false]);
});

test('the newest ones stay known when traffic goes on', async () => {
  const known = knownInMemory({ maxKeys: 20 });
  await loadKnownEvents({
    async readNewest(onChunk) {
      for (let seq = 100; seq > 0; seq--) if (!onChunk([message(seq, [`k${seq}`, `e${seq}`])])) return;
    },
    known,
    maxKeys: 20,
    log,
  });
  for (let live = 0; live < 9; live++)
    known.mark([[key(`live${live}`), { bodyHash: '8 bytes.', eventId: 'e' }]]);
  const newest = Array.from({ length: 10 }, (_, i) => key(`k${100 - i}`));
  assert.deepEqual(
    known.lookUp(newest).filter((one) => one === undefined),
    [],
  );
});

test('a stream that can not be read costs nothing but the memory', async () => {
  const known = knownInMemory({ maxKeys: 2 });
  await loadKnownEvents({ readNewest: () => Promise.reject(new Error('away')), known, maxKeys: 2, log });
  assert.deepEqual(known.lookUp([key('a')]), [undefined]);
});
