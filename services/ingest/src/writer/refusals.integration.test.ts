import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { create, toBinary } from '@bufbuild/protobuf';
import { EventSchema } from '@millrace/contracts/millrace/event/v1/event';
import { frameItem } from '@millrace/wire';
import { encodeEnvelope } from '../../test/events.ts';
import { createWorld, type TestWriter, type World } from '../../test/world.ts';

let world: World;
before(async () => {
  world = await createWorld();
});
after(() => world?.close());

/** Well-formed, but no UInt8: only ClickHouse notices. */
const refused = (id: string) =>
  frameItem({
    event: Buffer.from(toBinary(EventSchema, create(EventSchema, { eventId: id, priority: 300 }))),
    dedupKey: '',
    bodyHash: '',
    eventId: id,
  });

const deadLetters = async () => {
  const [row] = await world.query<{ count: string }>('SELECT count() AS count FROM dead_letters FINAL');
  return Number(row?.count);
};

async function untilMetric(writer: TestWriter, pattern: RegExp): Promise<void> {
  for (let look = 0; look < 400; look++) {
    if (pattern.test(await writer.metrics.metrics())) return;
    await delay(50);
  }
  assert.match(await writer.metrics.metrics(), pattern);
}

test('many refused rows among good ones are parked together, and the good ones stored', async () => {
  const frames = Array.from({ length: 400 }, (_, i) =>
    i % 10 === 0 ? refused(`bad-${i}`) : encodeEnvelope([{ id: `good-${i}` }]),
  );
  await world.publishBytes(Buffer.concat(frames));
  let parkings = 0;
  const writer = await world.startWriter({
    table: (table) => ({
      ...table,
      park(items) {
        parkings++;
        return table.park(items);
      },
    }),
  });
  await world.until(360);
  assert.deepEqual(await world.counts(), { rows: 360, ids: 360, rollup: 360 });
  assert.equal(await deadLetters(), 40);
  assert.equal(await world.deadLetterCount(), 40);
  assert.equal(parkings, 1);
  await writer.close();
});

test('when most rows are refused writing stops and says so; once they are taken, each is stored once', async () => {
  let drifted = true;
  let trialReads = 0;
  const says = { kind: 'unreadable', detail: 'the table is not what it was' } as const;
  const writer = await world.startWriter({
    table: (table) => ({
      ...table,
      insert: (insert) => (drifted ? Promise.resolve(says) : table.insert(insert)),
      tryRead(body) {
        trialReads++;
        return drifted ? Promise.resolve(says) : table.tryRead(body);
      },
    }),
  });
  await world.publish(Array.from({ length: 1_000 }, (_, i) => ({ id: `drift-${i}`, key: `drift-${i}` })));
  await untilMetric(writer, /millrace_writer_stopped\{shard="1000"\} 1/);
  assert.equal(await deadLetters(), 40);
  assert.equal(await world.deadLetterCount(), 40);
  assert.ok(trialReads < 1_000, `${trialReads} trial reads`);
  drifted = false;
  await world.until(1_360);
  await untilMetric(writer, /millrace_writer_stopped\{shard="1000"\} 0/);
  assert.deepEqual(await world.counts(), { rows: 1_360, ids: 1_360, rollup: 1_360 });
  assert.equal(await deadLetters(), 40);
  await writer.close();
});

test('a writer that has stopped can be closed, and another one begins where it stood', async () => {
  const says = { kind: 'unreadable', detail: 'no' } as const;
  const stopped = await world.startWriter({
    table: (table) => ({ ...table, insert: async () => says, tryRead: async () => says }),
  });
  await world.publish(Array.from({ length: 50 }, (_, i) => ({ id: `close-${i}` })));
  await untilMetric(stopped, /millrace_writer_stopped\{shard="1000"\} 1/);
  await stopped.close();
  const next = await world.startWriter();
  await world.until(1_410);
  assert.equal(await deadLetters(), 40);
  await next.close();
});
