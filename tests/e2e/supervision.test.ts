import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, httpCall, onEachTopology } from '@millrace/testkit';

const TRICKLE_PAUSE_MS = 5;
const AROUND_KILL_MS = 1_500;

onEachTopology('supervision', (stack) => {
  const pidOf = (name: string) => stack().connection.processes.find((one) => one.name === name)?.pid;

  for (const store of ['nats-server', 'clickhouse']) {
    test(`${store}, killed under a trickle of events, is started again and nothing is lost or doubled`, async (t) => {
      const eventType = `trickle.${store}`;
      const trickle = startTrickle(eventType);
      await sleep(AROUND_KILL_MS);
      const killed = pidOf(store);
      assert.ok(killed);
      process.kill(killed, 'SIGKILL');
      await eventually(() => assert.notEqual(pidOf(store), killed), { timeoutMs: 20_000 });
      const acceptedThen = trickle.accepted.size;
      await eventually(() => assert.ok(trickle.accepted.size > acceptedThen + 20), { timeoutMs: 20_000 });
      const { accepted, refused, failed } = await trickle.stop();
      t.diagnostic(`${accepted.size} accepted, ${refused} refused with 503`);
      assert.deepEqual(failed, []);

      const sql = `SELECT toUInt32(count()) AS rows, toUInt32(uniqExact(event_id)) AS ids FROM events
        WHERE event_type = {eventType:String} AND event_id IN {accepted:Array(String)}`;
      await eventually(
        async () => {
          const expected = [{ rows: accepted.size, ids: accepted.size }];
          assert.deepEqual(
            await stack().inspector.rows(sql, { eventType, accepted: [...accepted] }),
            expected,
          );
        },
        { timeoutMs: 30_000, intervalMs: 200 },
      );
    });
  }

  /** One event at a time, each with an id of its own; one that got no answer or 503 is sent again. */
  function startTrickle(eventType: string) {
    const accepted = new Set<string>();
    const failed: string[] = [];
    let refused = 0;
    let isStopping = false;
    const { url, credentials } = stack().connection;
    const headers = { 'content-type': 'application/json', 'x-api-key': credentials.apiKey };
    const run = async () => {
      let eventId: string = randomUUID();
      while (!isStopping) {
        const timestamp = '2024-01-30T12:34:56Z';
        const body = JSON.stringify({ eventType, userId: 'u', sessionId: 's', timestamp, eventId });
        const answer = await httpCall(`${url}/api/v1/events`, { headers, body });
        if (answer.status === 202 || answer.status === 200) {
          accepted.add(eventId);
          eventId = randomUUID();
        } else if (answer.status === 503) refused++;
        else failed.push(`${answer.status} ${answer.text}`);
        await sleep(TRICKLE_PAUSE_MS);
      }
    };
    const running = run();
    return {
      accepted,
      async stop() {
        isStopping = true;
        await running;
        return { accepted, refused, failed };
      },
    };
  }
});
