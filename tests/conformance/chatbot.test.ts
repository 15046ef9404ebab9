import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, test } from 'node:test';
import { onEachTopology, untilPushed } from '@millrace/testkit';
import { httpCall } from './support/http-call.ts';
import { INGEST_ROUTES, type IngestRoute } from './support/ingest-routes.ts';
import { type Issuer, openIssuer } from './support/issue-credential.ts';

/** The two ways in which the document lets a key be provided. */
const FORMS = {
  'X-API-Key: sk_…': (key: string) => ({ 'x-api-key': key }),
  'Authorization: Bearer sk_…': (key: string) => ({ authorization: `Bearer ${key}` }),
} as const;

/** The routes whose own documents know no other header than theirs. */
const ONE_HEADER: Readonly<Record<string, keyof typeof FORMS>> = {
  'POST /api/external-event/:workspaceId': 'Authorization: Bearer sk_…',
  'POST /external-event/:workspaceId': 'Authorization: Bearer sk_…',
  'POST /email': 'X-API-Key: sk_…',
  'POST /email/batch': 'X-API-Key: sk_…',
};

onEachTopology('002 chatbot: keys', (stack) => {
  let issuer: Issuer;
  before(() => {
    issuer = openIssuer(stack());
  });

  const issue = () => issuer.issue({ permissions: ['messages:send', 'events:write'] });
  const send = (route: IngestRoute, credential: Readonly<Record<string, string>>) =>
    httpCall(`${stack().connection.url}${route.path(stack())}`, {
      headers: {
        'content-type': route.contentType,
        'x-request-id': randomUUID(),
        ...route.headers?.(),
        ...credential,
      },
      body: route.wrap(JSON.stringify(route.event())),
    });

  test('a key is 256 bits behind its prefix', async () => {
    assert.match(await issue(), /^sk_[A-Za-z0-9_-]{43}$/);
  });

  for (const route of INGEST_ROUTES) {
    for (const [form, credential] of Object.entries(FORMS)) {
      const only = ONE_HEADER[route.name];
      if (only !== undefined && only !== form) continue;
      // Which of two documents the shared route speaks is told by the header.
      if (route.name.includes('(workflow)') && form.startsWith('X-')) continue;
      if (route.name.includes('(analytics)') && !form.startsWith('X-')) continue;

      test(`2xx: ${form} at ${route.name}`, async () => {
        const answer = await send(route, credential(await issue()));
        assert.ok(answer.status >= 200 && answer.status < 300, answer.text);
      });
    }
  }

  test('401: an inactive key is refused, in both forms', async (t) => {
    const key = await issue();
    const route = INGEST_ROUTES.find(({ name }) => name === 'POST /v1/ingest (array)');
    assert.ok(route);
    for (const credential of Object.values(FORMS)) {
      assert.equal((await send(route, credential(key))).status, 202);
    }
    await issuer.revoke(key);
    await untilPushed(t, 'refused', async () => {
      for (const credential of Object.values(FORMS)) {
        assert.equal((await send(route, credential(key))).status, 401);
      }
    });
  });
});
