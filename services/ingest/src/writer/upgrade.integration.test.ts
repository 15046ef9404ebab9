import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { frameItem } from '@millrace/wire';
import { encodeEvent } from '../../test/events.ts';
import { createWorld, type World } from '../../test/world.ts';

let world: World;
before(async () => {
  world = await createWorld();
});
after(() => world?.close());

const framed = (event: Buffer) => frameItem({ event, dedupKey: '', bodyHash: '', eventId: 'x' });

/** A field that no release has yet, of each wire type, one with a message in it and one that is repeated. */
function newerFields(field: number): Buffer {
  const tag = (wireType: number) => varint(field * 8 + wireType);
  return Buffer.concat([
    Buffer.concat([tag(0), varint(300), tag(0), varint(301)]),
    Buffer.concat([tag(1), Buffer.alloc(8, 0xff)]),
    Buffer.concat([tag(2), Buffer.from([4, 0x0a, 2, 0x08, 1]), tag(2), Buffer.from([2, 0xff, 0xff])]),
    Buffer.concat([tag(5), Buffer.alloc(4, 0xff)]),
  ]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 0x7f) | 0x80);
  }
}

test('a newer edge: fields that this writer does not know are passed over by it and by ClickHouse', async () => {
  const writer = await world.startWriter();
  const fields = [37, 99, 5_000];
  for (const field of fields) {
    const id = `newer-${field}`;
    await world.publishBytes(
      Buffer.concat([
        newerFields(field),
        framed(Buffer.concat([encodeEvent({ id }), newerFields(field)])),
        framed(Buffer.concat([newerFields(field), encodeEvent({ id: `${id}-front` })])),
      ]),
    );
  }
  await world.until(6);
  const rows = await world.query<{ id: string; payload: string }>(
    'SELECT event_id AS id, payload FROM events ORDER BY _seq, _index',
  );
  assert.deepEqual(
    rows,
    fields
      .flatMap((field) => [`newer-${field}`, `newer-${field}-front`])
      .map((id) => ({ id, payload: `{"id":"${id}"}` })),
  );
  assert.equal(await world.deadLetterCount(), 0);
  await writer.close();
});

test('an older edge: fields that it does not write are empty', async () => {
  const writer = await world.startWriter();
  // Workspace and id alone.
  await world.publishBytes(framed(Buffer.from('\x0a\x02w1\x12\x05older', 'latin1')));
  await world.until(7);
  const rows = await world.query("SELECT event_type, priority, labels FROM events WHERE event_id = 'older'");
  assert.deepEqual(rows, [{ event_type: '', priority: 0, labels: [] }]);
  assert.equal(await world.deadLetterCount(), 0);
  await writer.close();
});
