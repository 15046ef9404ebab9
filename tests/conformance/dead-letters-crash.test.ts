import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, onEachTopology } from '@millrace/testkit';
import { memberOf, textAt } from './support/assert-answer.ts';
import { caller } from './support/people.ts';
import { plantDeadLetters } from './support/plant-dead-letters.ts';
import { settle } from './support/stored-events.ts';

const LETTERS = 16;
const KILLS = 4;
const RESTARTED = { timeoutMs: 60_000, intervalMs: 100 };

onEachTopology('native: dead letters whose replay is killed', (stack) => {
  test('kill -9 while they are replayed: asked for again, each is stored once', async () => {
    const { workspaceId } = stack().connection;
    const type = `killed.${randomUUID().slice(0, 8)}`;
    const events = Array.from({ length: LETTERS }, (_, i) => ({ workspaceId, id: `${type}-${i}`, type }));
    const ids = await plantDeadLetters(stack(), events);
    const call = (...args: Parameters<ReturnType<typeof caller>>) =>
      caller(stack(), stack().connection.credentials.apiKey)(...args);
    for (const id of ids) {
      const edited = await call(`PATCH /v1/dead-letters/${id}`, { priority: 1 });
      assert.equal(edited.status, 200, edited.text);
    }
    // The edge is what would have recorded the replay.
    const edgePid = () => {
      const { processes } = stack().connection;
      return processes.find(({ name }) => name === 'edge' || name === 'standalone')?.pid ?? assert.fail();
    };
    let after = 0;
    for (let round = 0; round < KILLS; round++) {
      const replay = call('POST /v1/dead-letters/replay', { type, limit: 4 }).catch(() => undefined);
      await sleep(15 + round * 35);
      const pid = edgePid();
      process.kill(pid, 'SIGKILL');
      const answer = await replay;
      if (answer?.status === 200) after++;
      await eventually(async () => {
        assert.notEqual(edgePid(), pid);
        assert.equal((await call('GET /v1/dead-letters')).status, 200);
      }, RESTARTED);
    }
    assert.ok(after < KILLS, 'no kill came before its answer');
    let left: unknown[];
    do {
      const answer = await eventually(async () => {
        const found = await call('POST /v1/dead-letters/replay', { type });
        assert.equal(found.status, 200, found.text);
        return found;
      }, RESTARTED);
      assert.deepEqual(memberOf(answer.json(), 'failed'), []);
      const list = await call(`GET /v1/dead-letters?state=parked&type=${type}`);
      left = memberOf(list.json(), 'deadLetters') as unknown[];
    } while (left.length > 0);
    await settle(stack());
    const rows = await stack().inspector.rows(
      `SELECT event_id AS id, toUInt32(count()) AS n FROM events
       WHERE workspace_id = {workspaceId:String} AND event_type = {type:String} GROUP BY id ORDER BY id`,
      { workspaceId, type },
    );
    assert.deepEqual(
      rows.map((row) => [textAt(row, 'id'), row['n']]),
      events.map(({ id }) => [id, 1]).sort(),
    );
  });
});
