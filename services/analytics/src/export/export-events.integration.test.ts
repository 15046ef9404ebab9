import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { ExportEventsRequestSchema } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { systemClock } from '@millrace/runtime';
import { type AnalyticsWorld, createAnalyticsWorld } from '../../test/analytics-world.ts';
import { createEventExport } from './export-events.ts';

const ROWS = 100_000;
const request = create(ExportEventsRequestSchema, { workspaceId: 'w' });

let world: AnalyticsWorld;
before(async () => {
  world = await createAnalyticsWorld();
  await world.startReplica().app.prepared;
  await world.client.command({
    query: `INSERT INTO events (workspace_id, event_id, event_type, payload, received_at_ms)
      SELECT 'w', toString(number), 't', concat('{"text":"', hex(randomString(500)), '"}'), 1000 + number
      FROM numbers(${ROWS})`,
  });
});
after(() => world.close());

const exportWith = (maxSeconds?: number) =>
  createEventExport({
    client: world.client,
    clock: systemClock,
    slots: { total: 2, perWorkspace: 1 },
    ...(maxSeconds === undefined ? {} : { maxSeconds }),
  });

test('all of it comes, in order', async () => {
  const pieces: Uint8Array[] = [];
  for await (const piece of exportWith().read(request, new AbortController().signal)) pieces.push(piece);
  const lines = Buffer.concat(pieces).toString().trimEnd().split('\n');
  assert.equal(lines.length, ROWS);
  assert.ok(lines.every((line, i) => line.startsWith(`{"id":"${i}",`)));
});

test('one that meets its limit in the middle fails, and does not end as if it were whole', async () => {
  const pieces = exportWith(1).read(request, new AbortController().signal);
  await pieces.next();
  await pieces.next();
  await delay(3_000);
  await assert.rejects(
    async () => {
      for await (const piece of pieces) void piece;
    },
    { code: 'unavailable' },
  );
});

test('a store that dies in the middle fails it, and leaves no slot taken', async () => {
  const exports = exportWith();
  const pieces = exports.read(request, new AbortController().signal);
  await pieces.next();
  await pieces.next();
  await assert.rejects(exports.read(request, new AbortController().signal).next(), {
    code: 'resource_exhausted',
  });
  await world.kill();
  await assert.rejects(
    async () => {
      for await (const piece of pieces) void piece;
    },
    { code: 'unavailable' },
  );
  await assert.rejects(exports.read(request, new AbortController().signal).next(), { code: 'unavailable' });
  await world.restart();
  const again = exports.read(request, new AbortController().signal);
  assert.equal((await again.next()).done, false);
  await again.return(undefined);
});
