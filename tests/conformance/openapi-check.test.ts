import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onStandalone, httpCall as send } from '@millrace/testkit';
import { httpCall } from './support/http-call.ts';
import { openApiCheckOf } from './support/openapi.ts';

onStandalone('every answer is held against /openapi.json', (stack) => {
  const ingest = { method: 'POST', path: '/v1/ingest' };
  const accepted = async () => {
    const { url, credentials } = stack().connection;
    const headers = { 'x-api-key': credentials.apiKey, 'content-type': 'application/json' };
    const answer = await send(`${url}/v1/ingest`, { headers, body: '[{"type":"checked"}]' });
    assert.equal(answer.status, 202);
    return { check: await openApiCheckOf(url), answer };
  };

  test('what is documented passes', async () => {
    const { check, answer } = await accepted();
    check(ingest, answer);
  });

  test('another status, type or body than the documented ones is an error', async () => {
    const { check, answer } = await accepted();
    const body = Object(answer.json());
    const { accepted: _, ...lacking } = body;
    const changes = [
      [{ status: 201 }, /answered 201, which is not documented/],
      [{ headers: { 'content-type': 'text/html' } }, /as "text\/html", which is not documented/],
      [{ headers: {} }, /as "", which is not documented/],
      [{ text: JSON.stringify(lacking) }, /must have required property 'accepted'/],
      [{ text: JSON.stringify({ ...body, more: 1 }) }, /must NOT have additional properties/],
      [{ text: JSON.stringify({ ...body, accepted: '1' }) }, /\/accepted must be integer/],
      // The referred component is looked into, too.
      [
        { text: JSON.stringify({ ...body, results: [{ index: 0, id: '', status: 'lost' }] }) },
        /results\/0\/status/,
      ],
      // A status is held to its own schemas, not to those of another one.
      [
        { status: 400, headers: { 'content-type': 'application/problem+json' } },
        /must have required property 'type'/,
      ],
    ] as const;
    for (const [change, expected] of changes) {
      assert.throws(() => check(ingest, { ...answer, ...change }), expected);
    }
  });

  test('a body where none is documented is an error', async () => {
    const { check, answer } = await accepted();
    const schema = { method: 'DELETE', path: '/v1/schemas/checked' };
    check(schema, { ...answer, status: 204, text: '' });
    assert.throws(() => check(schema, { ...answer, status: 204 }), /with a body/);
  });

  test('where no operation is, only 404 and 405 in the shape of the API pass', async () => {
    const { check, answer } = await accepted();
    const { url } = stack().connection;
    const lost = await httpCall(`${url}/v1/nowhere`, { method: 'GET' });
    const lostInAnalytics = await httpCall(`${url}/api/v1/nowhere`, { method: 'GET' });
    const wrongMethod = await httpCall(`${url}/v1/ingest`, { method: 'DELETE' });
    assert.deepEqual([lost.status, lostInAnalytics.status, wrongMethod.status], [404, 404, 405]);
    const nowhere = { method: 'GET', path: '/v1/nowhere' };
    assert.throws(() => check(nowhere, answer), /there is no such operation/);
    assert.throws(() => check(nowhere, lostInAnalytics), /as "application\/json"/);
    assert.throws(
      () => check({ method: 'GET', path: '/api-keys/a/b' }, lostInAnalytics),
      /must have required property 'statusCode'/,
    );
  });

  test('417 and 431: what Node answers by itself is documented, too', async () => {
    const { url } = stack().connection;
    const get = (headers: Readonly<Record<string, string>>) =>
      httpCall(`${url}/api/live`, { method: 'GET', headers: { ...headers, connection: 'close' } });
    assert.equal((await get({ expect: 'miracles' })).status, 417);
    assert.equal((await get({ 'x-long': 'h'.repeat(20_000) })).status, 431);
  });

  test('the most specific template counts, and a slash at the end does not', async () => {
    const { check, answer } = await accepted();
    const stats = { ...answer, status: 200, text: '{"success":true}' };
    assert.throws(() => check({ method: 'GET', path: '/api/v1/events/stats/' }, stats), /'data'/);
  });
});
