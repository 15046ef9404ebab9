import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { before, test } from 'node:test';
import { eventually, onEachTopology } from '@millrace/testkit';
import { caller, newPerson, newWorkspace } from './support/people.ts';
import { settle } from './support/stored-events.ts';

onEachTopology(
  'native: export',
  (stack) => {
    let first: { id: string; session: string };
    let second: { id: string; session: string };
    const odd =
      '{"big": 123456789012345678901234567,\r\n "e": -0.0, "text": "a\\nb\\u2028 \\"q\\"", "f": 1.10}';
    before(async () => {
      const owner = await newPerson(stack());
      first = await newWorkspace(stack(), owner);
      second = await newWorkspace(stack(), owner);
      for (const { session, id } of [first, second]) {
        const answer = await ingest(
          session,
          `[{"id":"one","type":"t","userId":"u","sessionId":"s","source":"shop","occurredAt":"2024-01-30T12:34:56.789Z","priority":7,"labels":["a","é\\"'"],"payload":${odd}},{"id":"two-${id}","type":"t"}]`,
        );
        assert.equal(answer, 202);
      }
      await settle(stack());
    });

    const ingest = async (session: string, body: string) => {
      const answer = await fetch(`${stack().connection.url}/v1/ingest`, {
        method: 'POST',
        headers: { authorization: `Bearer ${session}`, 'content-type': 'application/json' },
        body,
      });
      if (answer.status !== 202) assert.fail(await answer.text());
      return answer.status;
    };
    const exported = async (session: string, query = '') => {
      // Not by what reads every answer as JSON.
      const answer = await fetch(`${stack().connection.url}/v1/export${query}`, {
        headers: { authorization: `Bearer ${session}` },
      });
      const text = await answer.text();
      assert.equal(answer.status, 200, text);
      assert.equal(answer.headers.get('content-type'), 'application/x-ndjson');
      return text.split('\n').filter((line) => line !== '');
    };

    test('ndjson: a line for each event, every field, numbers as they came; only the workspace’s own', async () => {
      const [one = '', two = '', ...rest] = await exported(first.session);
      assert.deepEqual(rest, []);
      assert.ok(one.includes(`"payload":${odd.replaceAll(/[\r\n]/g, ' ')}`), one);
      const { receivedAt, payload, traceId, ...fields } = JSON.parse(one);
      assert.deepEqual(fields, {
        ...{ id: 'one', type: 't', source: 'shop', userId: 'u', sessionId: 's', dialect: 'native' },
        ...{ occurredAt: '2024-01-30T12:34:56.789Z', priority: 7, labels: ['a', 'é"\''], metadata: {} },
      });
      assert.ok(Math.abs(Date.parse(receivedAt) - Date.now()) < 3_600_000, receivedAt);
      assert.equal(payload.text, 'a\nb\u2028 "q"');
      assert.ok(traceId === null || /^[0-9a-f]{32}$/.test(traceId));
      assert.equal(JSON.parse(two).id, `two-${first.id}`);
      assert.equal(JSON.parse(two).userId, null);
      assert.ok(!(await exported(second.session)).join('').includes(first.id));
    });

    test('a user, a window', async () => {
      const idsOf = (lines: readonly string[]) => lines.map((line) => JSON.parse(line).id);
      assert.deepEqual(idsOf(await exported(first.session, '?userId=u')), ['one']);
      assert.deepEqual(await exported(first.session, `?userId=${encodeURIComponent("u' OR 1=1 --")}`), []);
      assert.deepEqual(await exported(first.session, '?to=2024-01-30T12:34:56Z'), []);
      assert.equal((await exported(first.session, '?from=2024-01-30T12:34:56Z')).length, 2);
    });

    test('parquet is a whole file', async () => {
      const answer = await fetch(`${stack().connection.url}/v1/export?format=parquet`, {
        headers: { authorization: `Bearer ${first.session}` },
      });
      assert.equal(answer.headers.get('content-type'), 'application/vnd.apache.parquet');
      const file = Buffer.from(await answer.arrayBuffer());
      assert.equal(file.subarray(0, 4).toString(), 'PAR1');
      assert.equal(file.subarray(-4).toString(), 'PAR1');
      assert.ok(file.includes(`two-${first.id}`));
    });

    test('a bad parameter is refused by name', async () => {
      for (const [query, field] of [
        ['format=csv', 'format'],
        ['userId=', 'userId'],
        ['from=yesterday', 'from'],
        ['from=2024-01-31T00:00:00Z&to=2024-01-30T00:00:00Z', 'from'],
        ['from=2100-01-01T00:00:00Z', 'from'],
      ]) {
        const answer = await caller(stack(), first.session)(`GET /v1/export?${query}`);
        assert.equal(answer.status, 400, answer.text);
        assert.ok(answer.text.includes(`"${field}`) || answer.text.includes(`/${field}`), answer.text);
      }
    });

    test('it is audited, without the user', async () => {
      const userId = `user-${randomUUID()}`;
      await exported(first.session, `?userId=${userId}`);
      await eventually(async () => {
        const { text } = await caller(stack(), first.session)('GET /v1/audit?action=events.exported');
        if (!text.includes('"of":"user"')) throw new Error(text);
        assert.ok(!text.includes(userId));
      });
    });

    test('two at once; a client that leaves in the middle ends its query and makes room', async () => {
      // What no socket's buffers hold.
      const payload = JSON.stringify({ text: 'x'.repeat(900_000) });
      for (let i = 0; i < 30; i++) {
        assert.equal(
          await ingest(second.session, `[{"id":"large-${i}","type":"t","payload":${payload}}]`),
          202,
        );
      }
      await settle(stack());
      const open = async () => {
        const request = get(`${stack().connection.url}/v1/export`, {
          headers: { authorization: `Bearer ${second.session}` },
          agent: false,
        });
        const [response] = (await once(request, 'response')) as [IncomingMessage];
        response.on('error', () => undefined);
        if (response.statusCode !== 200) response.resume();
        return { status: response.statusCode, leave: () => request.destroy() };
      };
      const running = [await open(), await open()];
      assert.deepEqual(
        running.map(({ status }) => status),
        [200, 200],
      );
      const third = await open();
      assert.equal(third.status, 429);
      for (const { leave } of running) leave();
      await eventually(async () => {
        const again = await open();
        again.leave();
        assert.equal(again.status, 200);
      });
      await eventually(
        async () => {
          const [row] = await stack().inspector.rows(
            "SELECT toUInt32(count()) AS n FROM system.processes WHERE query LIKE '%FORMAT TSVRaw' AND query NOT LIKE '%system.processes%'",
            {},
          );
          assert.equal(Number(row?.['n']), 0);
        },
        { timeoutMs: 30_000, intervalMs: 200 },
      );
    });
  },
  { mail: true },
);
