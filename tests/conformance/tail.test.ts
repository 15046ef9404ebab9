import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, test } from 'node:test';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { AnalyticsService } from '@millrace/contracts/millrace/api/v1/analytics';
import { eventually, httpCall, onEachTopology } from '@millrace/testkit';
import { logsUnder } from '../e2e/support/logs.ts';
import { memberOf } from './support/assert-answer.ts';
import { INGEST_ROUTES } from './support/ingest-routes.ts';
import { type Issuer, openIssuer } from './support/issue-credential.ts';
import { type OpenTail, openTail } from './support/open-tail.ts';
import { caller } from './support/people.ts';

const typeOf = () => `tail.${randomUUID()}`;
const eventsIn = (tail: OpenTail) => tail.sent().filter(({ kind }) => kind === 'event');
const numbersIn = (tail: OpenTail) => eventsIn(tail).map(({ data }) => memberOf(data, 'payload', 'n'));

onEachTopology(
  'native: the live tail',
  (stack) => {
    let issuer: Issuer;
    before(() => {
      issuer = openIssuer(stack());
    });

    const apiKey = () => stack().connection.credentials.apiKey;
    const open = async (
      search: Record<string, string> = {},
      headers: Record<string, string> = {},
      key = apiKey(),
    ) => {
      const url = `${stack().connection.url}/v1/events/tail?${new URLSearchParams(search)}`;
      const tail = await openTail(url, { 'x-api-key': key, ...headers });
      if (tail.status === 200) await tail.until('id: ');
      return tail;
    };
    const ingest = async (events: readonly object[], key = apiKey()) => {
      const answer = await caller(stack(), key)('POST /v1/ingest', events);
      assert.equal(answer.status, 202, answer.text);
    };
    const numbered = (type: string, from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => ({ type, payload: { n: from + i } }));

    test('an event of every dialect appears, by REST and by RPC', async () => {
      const tail = await open();
      const leaving = new AbortController();
      const client = createClient(AnalyticsService, createGrpcTransport({ baseUrl: stack().connection.url }));
      const options = { headers: { 'x-api-key': apiKey() }, signal: leaving.signal };
      const stream = client.tailEvents({}, options)[Symbol.asyncIterator]();
      assert.equal((await stream.next()).value?.told.case, undefined);
      for (const route of INGEST_ROUTES) {
        const answer = await httpCall(`${stack().connection.url}${route.path(stack())}`, {
          headers: { 'content-type': route.contentType, ...route.headers?.(), ...route.credential(stack()) },
          body: route.wrap(JSON.stringify(route.event())),
        });
        assert.ok(answer.status < 300, `${route.name}: ${answer.text}`);
      }
      await tail.until(INGEST_ROUTES.length);
      const seen = eventsIn(tail).map(({ id, data }) => [id, data['id'], data['type'], data['dialect']]);
      const byRpc: unknown[] = [];
      while (byRpc.length < INGEST_ROUTES.length) {
        const { value } = await stream.next();
        if (value?.told.case !== 'event') continue;
        byRpc.push([value.cursor, value.told.value.id, value.told.value.type, value.told.value.dialect]);
      }
      assert.deepEqual(byRpc, seen);
      const dialects = [
        'analytics',
        'chatbot',
        'cloudevents',
        'email',
        'external-event',
        'native',
        'workflow',
      ];
      assert.deepEqual([...new Set(seen.map(([, , , dialect]) => dialect))].sort(), dialects);
      tail.leave();
      leaving.abort();
    });

    test('an event has the fields that it was sent with, JSON as it came; a duplicate does not come again', async () => {
      const [type, id] = [typeOf(), randomUUID()];
      const tail = await open({ type });
      const body = `[{"id":"${id}","type":"${type}","source":"shop","userId":"u","sessionId":"s","occurredAt":"2024-01-30T12:34:56.789Z","priority":7,"labels":["a","é"],"payload":{"big": 12345678901234567890,\r\n "f": 1.10}}]`;
      for (let i = 0; i < 2; i++) {
        const headers = { 'content-type': 'application/json', 'x-api-key': apiKey() };
        const answer = await httpCall(`${stack().connection.url}/v1/ingest`, { headers, body });
        assert.equal(answer.status, 202, answer.text);
      }
      await ingest([{ type, id: 'next' }]);
      await tail.until(2);
      const [{ data } = assert.fail(), next] = eventsIn(tail);
      const { receivedAt, payload, ...fields } = data;
      assert.deepEqual(fields, {
        ...{ id, type, source: 'shop', userId: 'u', sessionId: 's', occurredAt: '2024-01-30T12:34:56.789Z' },
        ...{ priority: 7, labels: ['a', 'é'], dialect: 'native', metadata: {} },
      });
      assert.ok(Date.parse(String(receivedAt)) > Date.parse('2024-01-30'));
      assert.ok(
        tail.text().includes('"payload":{"big": 12345678901234567890,\ndata:  "f": 1.10}'),
        tail.text(),
      );
      assert.equal(next?.data['id'], 'next');
      tail.leave();
    });

    test('by a filter, by REST and by RPC: what the same filter finds once the events are stored', async () => {
      const type = typeOf();
      const payloads = [
        '{"plan":"gold","n":1}',
        '{"plan":"Gold"}',
        '{"n":9007199254740993}',
        '{"plan":"gold"}',
      ];
      const filter =
        '{"or":[{"and":[{"field":"payload.plan","eq":"gold"},{"field":"payload.n","exists":true}]},{"field":"payload.n","gte":2}]}';
      const tail = await open({ type, filter });
      const leaving = new AbortController();
      const client = createClient(AnalyticsService, createGrpcTransport({ baseUrl: stack().connection.url }));
      const text = (value: string) => ({ kind: { case: 'stringValue', value } }) as const;
      const isGold = {
        condition: {
          case: 'comparison',
          value: { field: 'payload.plan', test: { case: 'equals', value: text('gold') } },
        },
      } as const;
      const stream = client
        .tailEvents(
          { types: [type], filter: isGold },
          { headers: { 'x-api-key': apiKey() }, signal: leaving.signal },
        )
        [Symbol.asyncIterator]();
      await stream.next();
      await ingest(payloads.map((payload, i) => ({ type, id: String(i), payload: JSON.parse(payload) })));
      await tail.until(2);
      assert.deepEqual(
        eventsIn(tail).map(({ data }) => data['id']),
        ['0', '2'],
      );
      const byRpc: unknown[] = [];
      while (byRpc.length < 2) {
        const { value } = await stream.next();
        if (value?.told.case === 'event') byRpc.push(value.told.value.id);
      }
      assert.deepEqual(byRpc, ['0', '3']);
      await eventually(async () => {
        const query = new URLSearchParams({ type, filter });
        const answer = await caller(stack(), apiKey())(`GET /v1/events?${query}`);
        const ids = [0, 1].map((i) => memberOf(answer.json(), 'events', i, 'id'));
        assert.deepEqual(ids.toSorted(), ['0', '2']);
      });
      tail.leave();
      leaving.abort();
    });

    test('by type, by prefix and by user; and the last ones first when they are asked for', async () => {
      const [type, user] = [typeOf(), randomUUID()];
      const tails = await Promise.all([
        open({ type: `${type}.a` }),
        open({ type: `${type}.*` }),
        open({ userId: user }),
      ]);
      const send = (kind: string, userId: string) =>
        ingest([{ type: `${type}.${kind}`, userId, id: `${kind}${userId}` }]);
      for (const kind of ['a', 'b', 'a', 'c']) await send(kind, kind === 'b' ? user : randomUUID());
      await tails[1]?.until(4);
      await tails[0]?.until(2);
      await tails[2]?.until(1);
      assert.deepEqual(
        tails.map((tail) => eventsIn(tail).map(({ data }) => String(data['type']).slice(type.length + 1))),
        [['a', 'a'], ['a', 'b', 'a', 'c'], ['b']],
      );
      const late = await open({ type: `${type}.*`, last: '2' });
      await late.until(2);
      await send('d', user);
      await late.until(3);
      const kinds = eventsIn(late).map(({ data }) => String(data['type']).slice(type.length + 1));
      assert.deepEqual(kinds, ['a', 'c', 'd']);
      for (const tail of [...tails, late]) tail.leave();
    });

    test('other workspaces’ events never appear, whatever is asked for', async () => {
      const workspaceId = await issuer.createWorkspace();
      const elsewhere = await issuer.issue({ workspaceId, permissions: ['events:read', 'events:write'] });
      const [id, type] = [randomUUID(), typeOf()];
      const here = await open({ type, workspaceId });
      const cursor = here.lastId();
      const there = await open({ type }, {}, elsewhere);
      await ingest([{ id, type, payload: { of: 'there' } }], elsewhere);
      await ingest([{ id, type, payload: { of: 'here' } }]);
      await Promise.all([here.until(1), there.until(1)]);
      const resumed = await Promise.all([
        open({ type, after: cursor }),
        open({ type, after: cursor }, {}, elsewhere),
      ]);
      const latest = await Promise.all([open({ type, last: '9' }), open({ type, last: '9' }, {}, elsewhere)]);
      await ingest([{ type, payload: { of: 'there' } }], elsewhere);
      await ingest([{ type, payload: { of: 'here' } }]);
      for (const [side, tails] of [
        ['here', [here, resumed[0], latest[0]]],
        ['there', [there, resumed[1], latest[1]]],
      ] as const) {
        for (const tail of tails) {
          await tail?.until(2);
          assert.deepEqual(tail && eventsIn(tail).map(({ data }) => memberOf(data, 'payload', 'of')), [
            side,
            side,
          ]);
          tail?.leave();
        }
      }
    });

    test('who loses the connection and comes again misses nothing and sees nothing twice, while events keep coming', async () => {
      const type = typeOf();
      const total = 3_000;
      let tail = await open({ type });
      const sending = (async () => {
        for (let n = 0; n < total; n += 25) await ingest(numbered(type, n, n + 25));
      })();
      const seen: unknown[] = [];
      for (let round = 0; seen.length < total; round++) {
        await tail.until(Math.min(1 + round * 30, total - seen.length));
        tail.leave();
        await tail.ended;
        seen.push(...numbersIn(tail));
        if (seen.length >= total) break;
        // By the header as browsers do, by the parameter as others do.
        const cursor = tail.lastId();
        tail =
          round % 2
            ? await open({ type, after: cursor })
            : await open({ type, last: '5' }, { 'last-event-id': cursor });
      }
      await sending;
      assert.deepEqual(
        seen,
        Array.from({ length: total }, (_, n) => n),
      );
    });

    test('a reader that stops is dropped and told so, holds nobody up, and resumes where it stopped', async () => {
      const type = typeOf();
      const [slow, other] = await Promise.all([open({ type }), open({ type })]);
      slow.pause();
      const text = 'x'.repeat(200_000);
      const total = 120;
      for (let n = 0; n < total; n += 40) {
        await ingest(Array.from({ length: 40 }, (_, i) => ({ type, payload: { n: n + i, text } })));
      }
      await other.until(total);
      assert.deepEqual(
        numbersIn(other),
        Array.from({ length: total }, (_, n) => n),
      );
      await eventually(() => assert.match(logsUnder(stack().dataDir), /a reader of the tail is too slow/), {
        timeoutMs: 40_000,
        intervalMs: 500,
      });
      slow.readOn();
      await slow.ended;
      const end = slow.sent().at(-1);
      assert.deepEqual([end?.kind, end?.data['reason']], ['end', 'slow_reader']);
      assert.equal(end?.data['cursor'], slow.lastId());
      const taken = numbersIn(slow);
      assert.ok(taken.length < total);
      const resumed = await open({ type, after: slow.lastId() });
      await resumed.until(total - taken.length);
      assert.deepEqual(
        [...taken, ...numbersIn(resumed)],
        Array.from({ length: total }, (_, n) => n),
      );
      for (const tail of [other, resumed]) tail.leave();
    });

    test('a tail outlives analytics where that is a process of its own, and ends with a reason where it is not', async () => {
      const type = typeOf();
      const tail = await open({ type });
      await ingest(numbered(type, 0, 5));
      await tail.until(5);
      const name = stack().topology === 'split' ? 'analytics' : 'standalone';
      const pidOf = () => stack().connection.processes.find((one) => one.name === name)?.pid;
      const pid = pidOf() ?? assert.fail(`no process is named ${name}`);
      process.kill(pid, 'SIGTERM');
      await eventually(() => assert.notEqual(pidOf(), pid), { timeoutMs: 30_000 });
      await eventually(() => ingest(numbered(type, 5, 10)), { timeoutMs: 30_000 });
      if (name === 'standalone') {
        await tail.ended;
        assert.deepEqual(tail.sent().at(-1)?.data['reason'], 'draining');
        const again = await open({ type, after: tail.lastId() });
        await again.until(5);
        assert.deepEqual(numbersIn(again), [5, 6, 7, 8, 9]);
        again.leave();
        return;
      }
      await tail.until(10);
      assert.deepEqual(numbersIn(tail), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      tail.leave();
    });
  },
  { mail: true },
);
