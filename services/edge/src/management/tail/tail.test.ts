import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, constants } from 'node:http2';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { TailEnd, TailGap } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { CredentialKind, Refusal } from '@millrace/contracts/millrace/auth/v1/auth';
import { createHealth, fieldError, type Health, MillraceError } from '@millrace/runtime';
import { startHttpBench } from '../../../test/http-bench.ts';
import { inertDeps } from '../../../test/inert-deps.ts';
import { encodedEvent, type TailDouble, tailDouble } from '../../../test/tail.ts';
import type { Verdict } from '../../clients/credentials.ts';
import { createCors } from '../../server/cors.ts';
import { tailApi } from './routes.ts';
import { showEvents } from './show-events.ts';

const GOOD: Verdict = {
  kind: 'granted',
  credentialId: 'key-1',
  workspaceId: 'workspace-1',
  userId: '',
  permissions: new Set(['events:read']),
  credentialKind: CredentialKind.SECRET_KEY,
  expiresAtMs: undefined,
  rateLimit: undefined,
};
const HEADERS = { 'x-api-key': 'reader' };

let verdict: () => Verdict | Promise<Verdict>;
let analytics: TailDouble;
let health: Health;
let bench: Awaited<ReturnType<typeof startHttpBench>>;
const events = {
  tailEvents: (...args: Parameters<TailDouble['tailEvents']>) => analytics.tailEvents(...args),
};
const credentials = { verify: () => verdict() };
before(async () => {
  health = createHealth([]);
  const state = {
    get draining() {
      return health.draining;
    },
  };
  bench = await startHttpBench(
    tailApi.routes({ ...inertDeps, tail: { events, credentials, health: state } }),
    {
      gate: { credentials, limits: inertDeps.limits },
      cors: createCors(['*']),
    },
  );
});
beforeEach(() => {
  analytics = tailDouble();
  health = createHealth([]);
  verdict = () => GOOD;
});
const leaving: (() => void)[] = [];
afterEach(async () => {
  for (const leave of leaving.splice(0)) leave();
  while (analytics.open > 0) await new Promise((resolve) => setImmediate(resolve));
});
after(() => bench.close());

/** Opens a tail, and reads what comes as text. */
async function open(search = '', headers: Record<string, string> = HEADERS) {
  const outgoing = get(`${bench.url}/v1/events/tail${search}`, { headers, agent: false });
  leaving.push(() => outgoing.destroy());
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  let text = '';
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    text += chunk;
  });
  const ended = new Promise<void>((resolve) => {
    response.once('close', resolve);
  });
  response.on('error', () => undefined);
  const until = async (part: string) => {
    while (!text.includes(part)) await once(response, 'data');
  };
  return { response, until, ended, text: () => text, leave: () => outgoing.destroy() };
}

const problemOf = async ({ response, ended, text }: Awaited<ReturnType<typeof open>>) => {
  await ended;
  return [response.statusCode, JSON.parse(text()).errors?.[0]?.field, response.headers['retry-after']];
};

describe('what is sent', () => {
  test('200: a stream of server-sent events that nobody keeps, from a cursor on', async () => {
    const tail = await open();
    assert.equal(tail.response.statusCode, 200);
    const { headers } = tail.response;
    assert.deepEqual(
      [headers['content-type'], headers['cache-control'], headers['x-accel-buffering']],
      ['text/event-stream', 'no-store', 'no'],
    );
    assert.equal(headers['x-request-id'], 'made-id');
    await tail.until('id: begun\n\n');
    assert.equal(tail.text(), 'retry: 1000\n\n: still here\nid: begun\n\n');
    assert.deepEqual(bench.answered.at(-1), 'GET /v1/events/tail 200');
  });

  test('event: under the native names, JSON as it came', async () => {
    const tail = await open();
    analytics.say({ ids: ['evt_1'] });
    await tail.until('at-evt_1\nevent');
    await tail.until('metadata":{}}\n\n');
    const event =
      '{"id":"evt_1","type":"user.created","source":null,"userId":"ada","sessionId":null,' +
      '"occurredAt":"2024-01-30T00:00:00.000Z","receivedAt":"2024-01-30T01:00:00.000Z","priority":3,"labels":["a"],' +
      '"dialect":"native","payload":{"n": 12345678901234567890},"metadata":{}}';
    assert.ok(tail.text().endsWith(`id: at-evt_1\nevent: event\ndata: ${event}\n\n`), tail.text());
  });

  test('event: line breaks between the tokens of a payload break no frame', async () => {
    const tail = await open();
    const payload = '{\r\n"a":\r1,\n\n"b":"\\n"}';
    analytics.say({ events: [{ cursor: 'c', event: encodedEvent('lines', payload) }] });
    await tail.until('metadata":{}}\n\n');
    const [, data = ''] = /event: event\n((?:data: .*\n)+)\n/.exec(tail.text()) ?? [];
    const parsed = JSON.parse(data.replaceAll(/^data: /gm, ''));
    assert.deepEqual(parsed.payload, { a: 1, b: '\n' });
    assert.ok(!tail.text().includes('\r'));
  });

  test('an event that can not be read is left out', async () => {
    const tail = await open();
    analytics.say({ events: [{ cursor: 'bad', event: Buffer.from([0xff]) }] });
    analytics.say({ ids: ['good'] });
    await tail.until('at-good');
    assert.ok(!tail.text().includes('bad'));
  });

  test('gap, and what tells a client where it is while nothing comes', async () => {
    const tail = await open();
    analytics.say({ gap: TailGap.TRIMMED, cursor: 'g' });
    analytics.say({ cursor: 'later' });
    await tail.until('id: later\n\n');
    assert.ok(
      tail
        .text()
        .includes('id: g\nevent: gap\ndata: {"reason":"trimmed","cursor":"g"}\n\n: still here\nid: later'),
    );
  });

  test('HEAD answers and asks for nothing more', async () => {
    const outgoing = httpRequest(`${bench.url}/v1/events/tail`, {
      method: 'HEAD',
      headers: HEADERS,
      agent: false,
    });
    outgoing.end();
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    response.resume();
    await once(response, 'end');
    assert.deepEqual([response.statusCode, response.headers['content-type']], [200, 'text/event-stream']);
  });

  test('over HTTP/2 the same', async () => {
    const session = connect(bench.url);
    const stream = session.request({ ':path': '/v1/events/tail', ...HEADERS });
    const [headers] = await once(stream, 'response');
    assert.equal(headers[constants.HTTP2_HEADER_STATUS], 200);
    let text = '';
    stream.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    analytics.say({ ids: ['two'] });
    while (!text.includes('at-two')) await once(stream, 'data');
    session.destroy();
  });

  test('a browser of another origin may read it', async () => {
    const tail = await open('', { ...HEADERS, origin: 'https://shop.example' });
    assert.equal(tail.response.headers['access-control-allow-origin'], 'https://shop.example');
  });
});

describe('what is asked', () => {
  const nothing = { workspaceId: 'workspace-1', types: [], userId: '', after: '', last: 0 };
  const asked: [search: string, headers: Record<string, string>, question: object][] = [
    ['', {}, {}],
    ['?type=a&type=b.*&userId=ada&last=1000', {}, { types: ['a', 'b.*'], userId: 'ada', last: 1_000 }],
    ['?after=c1', {}, { after: 'c1' }],
    ['?after=c1', { 'last-event-id': 'c2' }, { after: 'c2' }],
    ['?last=5', { 'last-event-id': 'c2' }, { after: 'c2', last: 5 }],
    ['', { 'last-event-id': '' }, {}],
    ['?workspaceId=other&workspace_id=other', {}, {}],
  ];
  for (const [search, headers, question] of asked) {
    test(`${search} ${JSON.stringify(headers)}`, async () => {
      await open(search, { ...HEADERS, ...headers });
      assert.deepEqual(analytics.asked, [{ ...nothing, ...question }]);
    });
  }

  const many = Array.from({ length: 21 }, () => 'type=t').join('&');
  const wrong: [field: RegExp, search: string][] = [
    [/^type\[0\]$/, '?type='],
    [/^type\[1\]$/, `?type=a&type=${'x'.repeat(256)}`],
    [/^type$/, `?${many}`],
    [/^userId$/, '?userId='],
    [/^userId$/, `?userId=${'x'.repeat(129)}`],
    ...['0', '1001', '-1', '1.5', '', 'ten', '1e2'].map((last): [RegExp, string] => [
      /^last$/,
      `?last=${last}`,
    ]),
    [/^after$/, '?after='],
    [/^after$/, `?after=${'x'.repeat(1_025)}`],
  ];
  for (const [field, search] of wrong) {
    test(`400 names what is wrong in ${search.slice(0, 30)}`, async () => {
      const [status, named] = await problemOf(await open(search));
      assert.equal(status, 400);
      assert.match(String(named), field);
      assert.deepEqual(analytics.asked, []);
    });
  }

  const refused: [said: Error, search: string, headers: Record<string, string>, expected: unknown[]][] = [
    [fieldError('after', 'is no cursor'), '?after=x', {}, [400, 'after', undefined]],
    [fieldError('after', 'is no cursor'), '', { 'last-event-id': 'x' }, [400, 'Last-Event-ID', undefined]],
    [fieldError('types', 'too many'), '', {}, [400, 'type', undefined]],
    [new MillraceError('resource_exhausted', 'too many tails'), '', {}, [429, undefined, '5']],
    [new MillraceError('unavailable', 'NATS is away'), '', {}, [503, undefined, '1']],
    [new TypeError('a secret'), '', {}, [500, undefined, undefined]],
  ];
  for (const [said, search, headers, expected] of refused) {
    test(`${expected[0]} when analytics says ${said.message}`, async () => {
      analytics.fail(said);
      const tail = await open(search, { ...HEADERS, ...headers });
      assert.deepEqual(await problemOf(tail), expected);
      assert.ok(!tail.text().includes('a secret'));
    });
  }

  test('401 without a good credential, 403 without events:read', async () => {
    assert.equal((await open('', {})).response.statusCode, 401);
    verdict = () => ({ kind: 'refused', refusal: Refusal.UNKNOWN });
    assert.equal((await open()).response.statusCode, 401);
    verdict = () => ({ ...GOOD, permissions: new Set(['events:write', 'analytics:read']) });
    assert.equal((await open()).response.statusCode, 403);
    assert.deepEqual(analytics.asked, []);
  });
});

describe('how it ends', () => {
  const endOf = async (tail: Awaited<ReturnType<typeof open>>) => {
    await tail.ended;
    const [, data = ''] = /event: end\ndata: (.*)\n\n$/.exec(tail.text()) ?? [];
    return JSON.parse(data || 'null');
  };

  test('slow_reader, as analytics says', async () => {
    const tail = await open();
    analytics.say({ ids: ['a'] });
    analytics.say({ end: TailEnd.SLOW_READER, cursor: 'at-a' });
    assert.deepEqual(await endOf(tail), { reason: 'slow_reader', cursor: 'at-a' });
  });

  const changes: Record<string, [() => Verdict | Promise<Verdict>, string]> = {
    revoked: [() => ({ kind: 'refused', refusal: Refusal.REVOKED }), 'unauthenticated'],
    expired: [async () => ({ kind: 'refused', refusal: Refusal.EXPIRED }), 'unauthenticated'],
    demoted: [() => ({ ...GOOD, permissions: new Set(['events:write']) }), 'permission_denied'],
  };
  for (const [change, [later, reason]] of Object.entries(changes)) {
    test(`${reason} when its key is ${change}; analytics is left`, async () => {
      const tail = await open();
      analytics.say({ ids: ['a'] });
      await tail.until('at-a');
      verdict = later;
      assert.deepEqual(await endOf(tail), { reason, cursor: 'at-a' });
    });
  }

  test('draining when the server goes down', async () => {
    const tail = await open();
    health.drain();
    assert.deepEqual(await endOf(tail), { reason: 'draining', cursor: 'begun' });
  });

  test('not while nobody can tell whether the key is good', async () => {
    let askedAgain = 0;
    const tail = await open();
    verdict = () => {
      askedAgain++;
      return Promise.reject(new MillraceError('unavailable', 'auth is away'));
    };
    while (askedAgain === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    analytics.say({ ids: ['a'] });
    await tail.until('at-a');
  });

  test('unavailable when nobody can tell for long', async () => {
    let asked = 0;
    const shown = showEvents(
      { workspaceId: 'workspace-1', types: [], userId: '', after: '', last: 0 },
      {
        tail: { events, health },
        refusal: async () => {
          asked++;
          throw new MillraceError('unavailable', 'auth is away');
        },
        signal: new AbortController().signal,
        lookMs: 1,
      },
    );
    const ends: unknown[] = [];
    for await (const one of shown) if (one.kind === 'end') ends.push(one.reason);
    assert.deepEqual([ends, asked], [['unavailable'], 6]);
  });

  test('not when analytics goes away and comes back: it goes on after the last cursor', async () => {
    const tail = await open('?last=3');
    analytics.say({ ids: ['a', 'b'] });
    await tail.until('at-b');
    analytics.fail(new MillraceError('unavailable', 'the connection is lost'));
    analytics.say({ ids: ['c'] });
    await tail.until('at-c');
    analytics.say({ end: TailEnd.DRAINING, cursor: 'at-c' });
    while (analytics.asked.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    analytics.say({ ids: ['d'] });
    await tail.until('at-d');
    assert.ok(!tail.text().includes('event: end'));
    assert.deepEqual(
      analytics.asked.map(({ after, last }) => [after, last]),
      [
        ['', 3],
        ['at-b', 0],
        ['at-c', 0],
      ],
    );
  });

  test('unavailable when it stays away', async () => {
    const tail = await open();
    for (let i = 0; i < 6; i++) analytics.fail(new MillraceError('unavailable', 'away'));
    assert.deepEqual(await endOf(tail), { reason: 'unavailable', cursor: 'begun' });
  });

  test('unavailable when it goes away again each time as soon as it has begun', async () => {
    const tail = await open();
    for (let tries = 1; tries <= 6; tries++) {
      while (analytics.asked.length < tries || analytics.open === 0) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      analytics.fail(new MillraceError('internal', 'broken'));
      while (analytics.open > 0) await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal((await endOf(tail)).reason, 'unavailable');
  });

  test('who leaves is left: analytics sends nothing more', async () => {
    const tail = await open();
    await tail.until('begun');
    assert.equal(analytics.open, 1);
    tail.leave();
    while (analytics.open > 0) await new Promise((resolve) => setImmediate(resolve));
  });
});
