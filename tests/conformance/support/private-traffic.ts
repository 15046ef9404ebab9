import assert from 'node:assert/strict';
import type { HttpAnswer, MailServer, SignedIn, TestStack } from '@millrace/testkit';
import { memberOf, textAt } from './assert-answer.ts';
import { httpCall } from './http-call.ts';
import { INGEST_ROUTES, type IngestRoute } from './ingest-routes.ts';
import type { PrivateWords } from './private-words.ts';

/** What the traffic goes to, and what must stay private of it. */
export interface PrivateTraffic {
  readonly stack: TestStack;
  readonly words: PrivateWords;
}

/** Events of every dialect, full of private words; their statuses by route. */
export async function sendPrivateEvents({ stack, words }: PrivateTraffic): Promise<Map<string, number>> {
  const statuses = new Map<string, number>();
  for (const route of INGEST_ROUTES) {
    const answer = await send(stack, route, route.wrap(JSON.stringify(privateEvent(route, words))));
    statuses.set(route.name, answer.status);
  }
  return statuses;
}

/** Requests that every dialect refuses, with private words where they are wrong. */
export async function sendRefusedEvents({ stack, words }: PrivateTraffic): Promise<number[]> {
  const statuses: number[] = [];
  for (const route of INGEST_ROUTES) {
    const good = route.wrap(JSON.stringify(route.event()));
    const wrong = Object.fromEntries(
      route.required.map((field) => [field, { is: words.make('a wrong field') }]),
    );
    const unknown = words.make('an unknown credential');
    const answers = [
      await send(stack, route, `{"${words.make('malformed JSON')}: `),
      await send(stack, route, route.wrap(JSON.stringify({ ...route.event(), ...wrong }))),
      await send(stack, route, `<a>${words.make('XML')}</a>`, { 'content-type': 'application/xml' }),
      await send(stack, route, good, { authorization: `Bearer ${unknown}`, 'x-api-key': unknown }),
      await send(stack, route, good, {
        authorization: `Basic ${words.make('another scheme')}`,
        'x-api-key': '',
        cookie: `session=${words.make('a cookie')}`,
      }),
    ];
    statuses.push(...answers.map(({ status }) => status));
  }
  return statuses;
}

/** Credentials in URLs, where clients of browsers and careless ones put them. */
export async function sendKeysInUrls({ stack, words }: PrivateTraffic): Promise<number[]> {
  const { url, workspaceId, credentials } = stack.connection;
  const beacon = (path: string, key: string) =>
    httpCall(`${url}${path}?key=${key}`, {
      headers: { 'content-type': 'text/plain' },
      body: JSON.stringify({ type: 'beacon', payload: { of: words.make('a beacon') } }),
    });
  const answers = [
    await beacon(`/api/external-event/${workspaceId}`, credentials.externalEventToken),
    await beacon(`/api/external-event/${workspaceId}`, words.make('an unknown key in a URL')),
    await beacon('/no/such/path', words.make('a key in the URL of no route')),
    await httpCall(`${url}/graphql?token=${words.make('a token in a URL')}`, { method: 'GET' }),
    await httpCall(`${url}/api/v1/events/stats?key=${words.make('a key of no beacon')}`, { method: 'GET' }),
    await httpCall(`${url}/%zz?key=${words.make('a key in a bad URL')}`, { method: 'GET' }),
  ];
  return answers.map(({ status }) => status);
}

/** Signs in, after guesses that fail. The address, the code and the JWT are private from here on. */
export async function signInPrivately({ stack, words }: PrivateTraffic, mail: MailServer): Promise<SignedIn> {
  const email = `${words.make('an address')}@example.com`;
  const verify = (code: string) => post(stack, '/api/auth/verify', { email, code });
  const asked = await post(stack, '/api/auth/request-code', { email });
  assert.equal(asked.status, 200, asked.text);
  const code = /\b\d{6}\b/.exec((await mail.waitFor(email)).text)?.[0] ?? '';
  words.add('a code', code);
  const wrong = code === '999983' ? '999979' : '999983';
  words.add('a wrong code', wrong);
  assert.equal((await verify(wrong)).status, 401);
  assert.equal((await verify(words.make('a malformed code'))).status, 400);
  const answer = await verify(code);
  assert.equal(answer.status, 200, answer.text);
  const token = textAt(answer.json(), 'data', 'token');
  for (const part of token.split('.').slice(1)) words.add('part of a JWT', part);
  return {
    email,
    token,
    userId: textAt(answer.json(), 'data', 'user', 'id'),
    headers: { authorization: `Bearer ${token}` },
  };
}

/** Makes a key in each documented way and uses it; sends back what is wrong with private words in it. */
export async function makePrivateKeys(traffic: PrivateTraffic, person: SignedIn): Promise<void> {
  const { stack, words } = traffic;
  const ask = (query: string, variables: object = {}) =>
    post(stack, '/graphql', { query, variables }, person.headers);
  const created = [
    [await post(stack, '/api/auth/api-key', { name: 'mine' }, person.headers), ['data', 'apiKey']],
    [
      await post(stack, '/api-keys', { name: 'mine', permissions: ['events:write'] }, person.headers),
      ['key'],
    ],
    [
      await ask('mutation { createExternalEventToken { id token } }'),
      ['data', 'createExternalEventToken', 'token'],
    ],
  ] as const;
  for (const [answer, path] of created) {
    assert.ok(answer.status === 200 || answer.status === 201, answer.text);
    const key = textAt(answer.json(), ...path);
    words.add('an issued key', key);
    await post(stack, '/v1/ingest', [{ type: 'keyed' }], { 'x-api-key': key });
    await post(stack, '/v1/ingest', [{ type: 'keyed' }], { 'x-api-key': `${key}${words.make('a tail')}` });
  }
  const id = textAt(created[2][0].json(), 'data', 'createExternalEventToken', 'id');
  await ask(`{ ${words.make('an unknown field')} }`);
  await ask('mutation A($n: String) { createExternalEventToken(name: $n) { id } }', {
    n: { is: words.make('a wrong variable') },
  });
  await ask('mutation A($id: ID!) { revokeExternalEventToken(id: $id) }', { id: words.make('no id') });
  await ask('mutation A($id: ID!) { revokeExternalEventToken(id: $id) }', { id });
  await post(stack, '/api-keys', { name: 'mine', [words.make('an unknown member')]: 1 }, person.headers);
  const changed = `${person.token.slice(0, -8)}${words.make('the end of a JWT')}`;
  assert.equal((await post(stack, '/graphql', {}, { authorization: `Bearer ${changed}` })).status, 401);
}

/** What the native API and its RPCs take besides events. */
export async function sendNativeCalls({ stack, words }: PrivateTraffic, person: SignedIn): Promise<void> {
  const call = (path: string, body: unknown) => post(stack, path, body, person.headers);
  const workspaces = '/millrace.api.v1.WorkspaceService';
  const mine = await call(`${workspaces}/ListWorkspaces`, {});
  assert.equal(mine.status, 200, mine.text);
  const workspaceId = textAt(memberOf(mine.json(), 'workspaces', 0), 'id');
  await call(`/v1/workspaces/${workspaceId}/invitations`, {
    email: `${words.make('an invited address')}@example.com`,
    role: 'member',
  });
  await call(`${workspaces}/InviteMember`, { workspaceId, email: words.make('no address'), role: 2 });
  await call('/v1/workspaces', { name: { is: words.make('a wrong name') } });
  await call('/v1/schemas/private', { schema: { type: words.make('a wrong schema') } });
  const events = '/millrace.api.v1.EventService/Ingest';
  await call(events, { events: [{ type: 'rpc', payload: words.make('a payload of RPC') }] });
  await call(events, { [words.make('an unknown field of RPC')]: 1 });
  await httpCall(`${stack.connection.url}${events}`, {
    headers: { 'content-type': 'application/json', authorization: `Bearer ${words.make('a key of RPC')}` },
    body: `{"${words.make('malformed JSON of RPC')}`,
  });
  const audit = await httpCall(`${stack.connection.url}/v1/audit`, {
    method: 'GET',
    headers: person.headers,
  });
  assert.equal(audit.status, 200, audit.text);
}

function privateEvent(route: IngestRoute, words: PrivateWords): object {
  const event = { ...route.event() };
  for (const field of ['userId', 'sessionId'] as const) {
    if (field in event) Object.assign(event, { [field]: words.make(field) });
  }
  // An address, of which Millrace keeps no more than a hash.
  if ('email_id' in event) Object.assign(event, { email_id: `${words.make('a local part')}@example.com` });
  const held = { of: words.make('an event'), [words.make('a member of an event')]: [1] };
  return route.free === undefined ? { ...event, ...held } : { ...event, [route.free]: held };
}

function send(
  stack: TestStack,
  route: IngestRoute,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<HttpAnswer> {
  return httpCall(`${stack.connection.url}${route.path(stack)}`, {
    headers: {
      'content-type': route.contentType,
      ...route.headers?.(),
      ...route.credential(stack),
      ...headers,
    },
    body,
  });
}

function post(
  stack: TestStack,
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<HttpAnswer> {
  return httpCall(`${stack.connection.url}${path}`, {
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}
