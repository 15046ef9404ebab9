import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, describe, test } from 'node:test';
import { createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import { AnalyticsService } from '@millrace/contracts/millrace/api/v1/analytics';
import { eventually, onEachTopology, onStandalone } from '@millrace/testkit';
import { memberOf, textAt } from './support/assert-answer.ts';
import { httpCall } from './support/http-call.ts';
import { countSettled } from './support/stored-events.ts';

onEachTopology('questions about stored events', (stack) => {
  const run = randomUUID().slice(0, 8);
  const type = `signup.${run}`;
  const buy = `purchase.${run}`;
  const auth = () => ({ 'x-api-key': stack().connection.credentials.apiKey });
  const get = (path: string, headers: Record<string, string> = auth()) =>
    httpCall(`${stack().connection.url}${path}`, { method: 'GET', headers });
  const query = (body: unknown, headers: Record<string, string> = {}) =>
    httpCall(`${stack().connection.url}/v1/query`, {
      headers: { 'content-type': 'application/json', ...auth(), ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });

  before(async () => {
    const event = (i: number, eventType: string) => ({
      type: eventType,
      userId: `user-${run}-${i}`,
      sessionId: `session-${run}-${i}`,
      payload: {
        plan: i % 2 === 0 ? 'gold' : 'free',
        amount: i * 1.5,
        'odd key': { deep: [i] },
        big: i === 0 ? 'BIG' : i,
      },
    });
    const events = [0, 1, 2, 3].flatMap((i) => (i < 2 ? [event(i, type), event(i, buy)] : [event(i, type)]));
    const body = JSON.stringify(events).replaceAll('"BIG"', '123456789012345678901234567');
    const sent = await httpCall(`${stack().connection.url}/v1/ingest`, {
      headers: { 'content-type': 'application/json', ...auth() },
      body,
    });
    assert.equal(sent.status, 202, sent.text);
    await eventually(async () => {
      const counts = await Promise.all([type, buy].map((eventType) => countSettled(stack(), { eventType })));
      assert.deepEqual(counts, [4, 2]);
    });
  });

  describe('GET /api/v1/analytics/metrics', () => {
    const path = `/api/v1/analytics/metrics?timeRange=15m&userId=USER-${run}`;

    test('200: the documented figures, and a copy of them for ten seconds', async () => {
      const [first, again] = [await get(path), await get(path)];
      assert.equal(first.status, 200, first.text);
      assert.deepEqual(
        [first, again].map((answer) => answer.headers['x-cache']),
        ['MISS', 'HIT'],
      );
      assert.equal(again.text, first.text);
      const data = memberOf(first.json(), 'data');
      assert.equal(memberOf(data, 'totalEvents'), 6);
      assert.deepEqual(memberOf(data, 'eventsByType'), [
        { eventType: type, count: 4, percentage: 66.7 },
        { eventType: buy, count: 2, percentage: 33.3 },
      ]);
      assert.equal(memberOf(data, 'uniqueUsers'), 4);
      assert.equal(memberOf(data, 'uniqueSessions'), 4);
      assert.equal(memberOf(data, 'avgEventsPerUser'), 1.5);
      assert.equal(memberOf(data, 'topUsers', 0, 'eventCount'), 2);
      const buckets = memberOf(data, 'eventsOverTime');
      assert.ok(Array.isArray(buckets) && buckets.length >= 15 && buckets.length <= 16);
      assert.equal(
        buckets.reduce((sum: number, bucket) => sum + Number(memberOf(bucket, 'count')), 0),
        6,
      );
    });

    test('200: without a credential the public workspace, here the default one', async () => {
      const answer = await get(path, {});
      assert.equal(answer.status, 200, answer.text);
      assert.equal(memberOf(answer.json(), 'data', 'totalEvents'), 6);
    });

    test('401: a credential that is none, rather than what strangers see', async () => {
      const answer = await get(path, { 'x-api-key': 'evp_nobody' });
      assert.equal(answer.status, 401);
      assert.equal(textAt(answer.json(), 'error', 'code'), 'INVALID_API_KEY');
    });

    test('200: an unknown range is an hour; 400: filters that are too long', async () => {
      const data = memberOf(
        (await get('/api/v1/analytics/metrics?timeRange=3y')).json(),
        'data',
        'timeRange',
      );
      assert.equal(Date.parse(textAt(data, 'end')) - Date.parse(textAt(data, 'start')), 3_600_000);
      const bad = await get(`/api/v1/analytics/metrics?userId=${'x'.repeat(129)}`);
      assert.equal(bad.status, 400);
      assert.match(textAt(bad.json(), 'error', 'message'), /userId/);
    });
  });

  describe('POST /v1/query', () => {
    const filter = { field: 'userId', startsWith: `user-${run}` };

    test('200: a breakdown by a path of the payload', async () => {
      const answer = await query({
        filter,
        breakdown: {
          fields: ['payload.plan'],
          measures: [
            { aggregation: 'count' },
            { aggregation: 'sum', field: 'payload.amount', name: 'amount' },
          ],
        },
      });
      assert.equal(answer.status, 200, answer.text);
      const { window: _, ...table } = answer.json() as Record<string, unknown>;
      assert.deepEqual(table, {
        columns: [
          { name: 'payload.plan', type: 'text' },
          { name: 'count', type: 'number' },
          { name: 'amount', type: 'number' },
          { name: 'share', type: 'number' },
        ],
        rows: [
          ['free', 3, 7.5, 0.5],
          ['gold', 3, 3, 0.5],
        ],
        readBy: 'json',
        unregisteredProperties: ['payload.plan', 'payload.amount'],
      });
    });

    test('200: one large number hides nothing of its payload', async () => {
      const big = { field: 'payload.big', gt: 1e26 };
      const answer = await query({
        filter: { and: [filter, big] },
        breakdown: { fields: ['payload["odd key"].deep[0]'] },
      });
      assert.deepEqual(memberOf(answer.json(), 'rows'), [['0', 2, 1]], answer.text);
    });

    test('200: a time series, a funnel, retention and paths', async () => {
      const rows = async (question: object) => {
        const answer = await query({ filter, window: { last: '1h' }, ...question });
        assert.equal(answer.status, 200, answer.text);
        return memberOf(answer.json(), 'rows') as unknown[][];
      };
      const series = await rows({ timeSeries: { interval: 'minute' } });
      assert.equal(
        series.reduce((sum, [, count]) => sum + Number(count), 0),
        6,
      );
      const funnel = await rows({ funnel: { steps: [{ type }, { type: buy }], within: '1d' } });
      assert.deepEqual(
        funnel.map((row) => row.slice(0, 5)),
        [
          [1, type, 4, 1, null],
          [2, buy, 2, 0.5, 0.5],
        ],
      );
      const retention = await rows({ retention: { period: 'day', return: { type: buy } } });
      assert.equal(
        retention.reduce((sum, [, , , count]) => sum + Number(count), 0),
        2,
      );
      assert.deepEqual(await rows({ paths: { length: 2 } }), [
        [[type], 2, 0.5],
        [[type, buy], 2, 0.5],
      ]);
    });

    test('200: as CSV and as Parquet', async () => {
      const question = { filter, breakdown: { fields: ['type'] } };
      const csv = await query(question, { accept: 'text/csv' });
      assert.equal(csv.headers['content-type'], 'text/csv; charset=utf-8');
      assert.equal(csv.text.trimEnd().split('\n').length, 3);
      assert.match(csv.text, /^"type","count","share"/);
      const parquet = await query(question, { accept: 'application/vnd.apache.parquet' });
      assert.match(parquet.text, /^PAR1/);
    });

    const bad: readonly (readonly [unknown, field: string])[] = [
      [{}, ''],
      [{ breakdown: { fields: ['type'] }, paths: {} }, ''],
      [{ breakdown: { fields: ['nothing'] } }, 'breakdown.fields[0]'],
      [{ breakdown: { fields: ['payload.a.'] } }, 'breakdown.fields[0]'],
      [{ breakdown: { fields: ['type'] }, filter: { and: [{ field: 'type', eq: 1 }] } }, 'filter.and[0].eq'],
      [{ breakdown: { fields: ['type'] }, filter: { field: 'type' } }, 'filter'],
      [{ breakdown: { fields: ['type'] }, window: { last: 'a year' } }, 'window.last'],
      [{ breakdown: { fields: ['type'] }, window: { last: '401d' } }, 'window.from'],
      [{ breakdown: { fields: ['type'] }, window: { timeZone: "Europe/Berlin'" } }, 'window.timeZone'],
      [{ timeSeries: { interval: 'minute' }, window: { last: '60d' } }, 'timeSeries.interval'],
      [{ funnel: { steps: [{}, {}], breakdown: 'x' } }, 'funnel.breakdown'],
      [{ breakdown: { fields: ['type'], nonsense: 1 } }, 'breakdown.nonsense'],
    ];
    for (const [body, field] of bad) {
      test(`400: ${JSON.stringify(body)} names ${field || 'the body'}`, async () => {
        const answer = await query(body);
        assert.equal(answer.status, 400, answer.text);
        assert.equal(memberOf(answer.json(), 'errors', 0, 'field'), field, answer.text);
      });
    }
  });

  test('millrace.api.v1.AnalyticsService answers the same over Connect and gRPC', async () => {
    const { url } = stack().connection;
    const options = { headers: auth() };
    for (const transport of [
      createConnectTransport({ baseUrl: url, httpVersion: '1.1' }),
      createGrpcTransport({ baseUrl: url }),
    ]) {
      const client = createClient(AnalyticsService, transport);
      const value = { kind: { case: 'stringValue', value: type } } as const;
      const filter = {
        condition: { case: 'comparison', value: { field: 'type', test: { case: 'equals', value } } },
      } as const;
      const { table } = await client.query(
        { query: { filter, question: { case: 'breakdown', value: { fields: ['type'] } } } },
        options,
      );
      assert.equal(table?.rows.length, 1);
      const ids: string[] = [];
      for (let pageToken = '', more = true; more; more = pageToken !== '') {
        const page = await client.listEvents({ filter, pageSize: 3, pageToken }, options);
        ids.push(...page.events.map(({ id }) => id));
        pageToken = page.nextPageToken;
      }
      assert.equal(new Set(ids).size, 4);
      const { event } = await client.getEvent({ id: ids[0] ?? '' }, options);
      assert.equal(event?.type, type);
      const { fields } = await client.listFieldNames({ type, prefix: 'payload.' }, options);
      assert.ok(
        fields.some(({ name }) => name === 'payload["odd key"].deep') ||
          fields.some(({ name }) => name === 'payload.plan'),
      );
      const { values } = await client.listFieldValues({ field: 'type', prefix: type }, options);
      assert.deepEqual(
        values.map(({ value: text, events }) => [text, Number(events)]),
        [[type, 4]],
      );
      await assert.rejects(client.getEvent({ id: randomUUID() }, options), /not_found/);
      await assert.rejects(client.query({}, options), /invalid_argument/);
    }
  });
});

onStandalone(
  'no public workspace',
  (stack) => {
    test('401: nobody sees figures without a credential', async () => {
      const answer = await httpCall(`${stack().connection.url}/api/v1/analytics/metrics`, { method: 'GET' });
      assert.equal(answer.status, 401);
      assert.equal(textAt(answer.json(), 'error', 'code'), 'MISSING_API_KEY');
    });
  },
  { env: { ANALYTICS_PUBLIC_WORKSPACE: '' } },
);
