import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import { eventually, httpCall, onEachTopology, startTestStack, type TestStack } from '@millrace/testkit';
import { textAt } from '../conformance/support/assert-answer.ts';
import { startReceiver } from '../conformance/support/receiver.ts';
import { logsUnder } from './support/logs.ts';
import { startTraceReceiver } from './support/trace-receiver.ts';

/** Those that dashboards and alerts use, as far as there is something to measure yet. */
const METRICS = {
  standalone: [
    'millrace_http_requests_total',
    'millrace_http_request_duration_seconds_bucket',
    'millrace_events_accepted_total',
    'millrace_events_duplicate_total',
    'millrace_events_rejected_total',
    'millrace_events_stored_total',
    'millrace_stream_lag_events',
    'millrace_stream_oldest_unstored_seconds',
    'millrace_writer_batch_rows_bucket',
    'millrace_writer_insert_duration_seconds_bucket',
    'millrace_grpc_requests_total',
    'millrace_build_info',
  ],
  // The admin address is the edge's; the writer has one of its own.
  split: [
    'millrace_http_requests_total',
    'millrace_http_request_duration_seconds_bucket',
    'millrace_events_accepted_total',
    'millrace_events_duplicate_total',
    'millrace_events_rejected_total',
    'millrace_grpc_requests_total',
    'millrace_build_info',
  ],
} as const;

onEachTopology('metrics, probes and logs', (stack) => {
  test('every metric that others rely on is there, and counts', async () => {
    const { adminUrl } = stack().connection;
    const eventId = randomUUID();
    for (const status of [202, 200]) assert.equal((await post(stack(), { eventId })).status, status);
    assert.equal((await post(stack(), { eventId: '' })).status, 400);
    await callRpc(stack());
    await eventually(async () => {
      const { text, status, headers } = await httpCall(`${adminUrl}/metrics`, { method: 'GET' });
      assert.equal(status, 200);
      assert.match(headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/);
      for (const name of METRICS[stack().topology]) {
        assert.match(text, new RegExp(`^${name}(\\{[^}]*\\})? `, 'm'), name);
        const base = name.replace(/_bucket$/, '');
        assert.match(text, new RegExp(`^# HELP ${base} \\S`, 'm'), base);
      }
      const labels = 'route="/api/v1/events",method="POST",status="202"';
      assert.match(text, new RegExp(`^millrace_http_requests_total\\{${labels}\\} [1-9]`, 'm'));
      assert.match(text, /^millrace_events_accepted_total\{dialect="analytics"\} [1-9]/m);
      assert.match(text, /^millrace_events_duplicate_total [1-9]/m);
      assert.match(text, /^millrace_events_rejected_total\{dialect="analytics",reason="invalid"\} [1-9]/m);
    });
  });

  test('the probes answer on the admin port, and nothing of it on the public one', async () => {
    const { adminUrl, url } = stack().connection;
    for (const probe of ['livez', 'readyz', 'startupz', 'preparedz']) {
      assert.equal((await httpCall(`${adminUrl}/${probe}`, { method: 'GET' })).status, 200, probe);
    }
    for (const path of ['metrics', 'livez', 'readyz', 'preparedz']) {
      assert.equal((await httpCall(`${url}/${path}`, { method: 'GET' })).status, 404, path);
    }
  });

  test('an odd path makes no metric of its own', async () => {
    const { adminUrl, url } = stack().connection;
    const path = `/${randomUUID()}`;
    await httpCall(`${url}${path}`, { body: '' });
    const { text } = await httpCall(`${adminUrl}/metrics`, { method: 'GET' });
    assert.ok(!text.includes(path));
  });

  test('no canary, neither of a credential nor of a body, is in any log', async () => {
    const { url, workspaceId, credentials } = stack().connection;
    const canary = () => `canary-${randomBytes(12).toString('hex')}`;
    const [key, token, inQuery, payload, emailId, cookie] = Array.from({ length: 6 }, canary);
    const json = { 'content-type': 'application/json' };
    const emailBody = JSON.stringify({ email_id: emailId, domain: 'd' });
    const calls = [
      httpCall(`${url}/api/v1/events`, { headers: { ...json, 'x-api-key': key, cookie }, body: '{}' }),
      httpCall(`${url}/api/external-event/${workspaceId}`, {
        headers: { ...json, authorization: `Bearer ${token}` },
        body: '{}',
      }),
      httpCall(`${url}/v1/ingest?key=${inQuery}`, {
        headers: { 'content-type': 'text/plain' },
        body: '[{"type":"a"}]',
      }),
      post(stack(), { payload: { payload } }),
      post(stack(), { payload }),
      httpCall(`${url}/email`, {
        headers: { ...json, 'x-api-key': credentials.emailApiKey },
        body: emailBody,
      }),
      httpCall(`${url}/email`, {
        headers: { ...json, 'x-api-key': credentials.emailApiKey },
        body: `{"email_id":"${emailId}","domain":`,
      }),
    ];
    for (const { status } of await Promise.all(calls)) assert.ok(status < 500);
    await post(stack(), {});
    const logs = logsUnder(stack().dataDir);
    const secrets = Object.entries(stack().secrets).flatMap(([name, value]) =>
      name === 'workspaceId' ? [] : [value],
    );
    const needles = [key, token, inQuery, payload, emailId, cookie, ...secrets];
    assert.deepEqual(
      needles.filter((needle) => logs.includes(String(needle))),
      [],
    );
  });

  test('logs are lines of JSON', () => {
    const lines = logsUnder(stack().dataDir)
      .split('\n')
      .filter((line) => line.includes('"service"'));
    assert.ok(lines.length > 0);
    for (const line of lines) {
      const { level, time, service, msg } = JSON.parse(line);
      assert.deepEqual(
        [level, time, service, msg].map((member) => typeof member),
        Array(4).fill('string'),
        line,
      );
    }
  });
});

describe('tracing', () => {
  for (const topology of ['standalone', 'split'] as const) {
    test(`one trace from the request to the insert and to the webhook (${topology})`, {
      timeout: 60_000,
    }, async () => {
      const receiver = await startTraceReceiver();
      const env = {
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
        OTEL_BSP_SCHEDULE_DELAY: '100',
      };
      const called = await startReceiver();
      called.answer('/', { status: 503 }, { status: 200 });
      const stack = await startTestStack({ topology, env });
      try {
        const endpointId = await subscribe(stack, called.url);
        const traceId = randomBytes(16).toString('hex');
        const headers = { traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01` };
        assert.equal((await post(stack, {}, headers)).status, 202);
        await eventually(() => {
          const spans = receiver.spans().filter((span) => span.traceId === traceId);
          const list = spans.map(({ service, name }) => `${service}: ${name}`).join(', ');
          const has = (pattern: RegExp) =>
            assert.ok(
              spans.some(({ name }) => pattern.test(name)),
              `${pattern} in: ${list}`,
            );
          has(/^POST \/api\/v1\/events$/);
          has(/publish/);
          has(/insert/);
          const [first, second, ...others] = spans.filter(({ name }) => name === 'webhook deliver');
          assert.deepEqual(
            [first, second].map((span) => [
              span?.attributes['millrace.endpoint_id'],
              span?.attributes['millrace.attempt'],
              span?.attributes['http.response.status_code'],
            ]),
            [
              [endpointId, '1', '503'],
              [endpointId, '2', '200'],
            ],
            list,
          );
          assert.equal(others.length, 0, list);
          for (const span of [first, second])
            assert.ok(
              spans.some(({ spanId }) => spanId === span?.parentSpanId),
              `its parent is in: ${list}`,
            );
          if (topology === 'standalone') return;
          has(/Accept/);
          const processes = new Set(spans.map(({ service, pid }) => `${service} ${pid}`));
          assert.ok(
            processes.size >= 4,
            `edge, accept, writer and webhook are four: ${[...processes].join()}`,
          );
        });
        const { rows } = stack.inspector;
        const sql = 'SELECT toUInt32(count()) AS n FROM events WHERE trace_id = {traceId:String}';
        await eventually(async () => assert.deepEqual(await rows(sql, { traceId }), [{ n: 1 }]));
      } finally {
        await stack.stop();
        await receiver.stop();
        await called.close();
      }
    });
  }
});

function post(stack: TestStack, over: object, headers: Readonly<Record<string, string>> = {}) {
  const { url, credentials } = stack.connection;
  const event = { eventType: 'observed', userId: 'u', sessionId: 's', timestamp: '2024-01-30T12:34:56Z' };
  return httpCall(`${url}/api/v1/events`, {
    headers: { 'content-type': 'application/json', 'x-api-key': credentials.apiKey, ...headers },
    body: JSON.stringify({ ...event, ...over }),
  });
}

function callRpc(stack: TestStack) {
  const { url, credentials } = stack.connection;
  return httpCall(`${url}/millrace.api.v1.EventService/Ingest`, {
    headers: { 'content-type': 'application/json', authorization: `Bearer ${credentials.apiKey}` },
    body: '{"events":[{"type":"observed"}]}',
  });
}

async function subscribe(stack: TestStack, url: string): Promise<string> {
  const { url: api, credentials } = stack.connection;
  const made = await httpCall(`${api}/webhooks`, {
    headers: { 'content-type': 'application/json', authorization: `Bearer ${credentials.apiKey}` },
    body: JSON.stringify({ url, events: ['observed'] }),
  });
  assert.equal(made.status, 201, made.text);
  return textAt(made.json(), 'id');
}
