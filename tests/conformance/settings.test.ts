import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { onEachTopology, startTestStack, type TestStack } from '@millrace/testkit';
import { httpCall } from './support/http-call.ts';

const TOKEN = 'a-secure-production-token';

function sendWith(stack: TestStack, token: string) {
  return httpCall(`${stack.connection.url}/api/v1/events`, {
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{"name":"token.check"}',
  });
}

onEachTopology(
  '001 workflow: COMPOZY_API_TOKEN',
  (stack) => {
    test('202: the configured token; 401: the fall-backs, which it replaces', async () => {
      assert.equal(stack().connection.credentials.bearerToken, TOKEN);
      assert.equal((await sendWith(stack(), TOKEN)).status, 202);
      for (const token of ['dev-token', 'test-token']) {
        assert.equal((await sendWith(stack(), token)).status, 401, token);
      }
    });
  },
  { env: { COMPOZY_API_TOKEN: TOKEN } },
);

describe('production', () => {
  test('401: neither fall-back token works, and nothing is drawn for reflection', async () => {
    const env = { MILLRACE_ENV: 'production', KEY_PEPPER: 'a pepper that is long enough for production' };
    const stack = await startTestStack({ topology: 'standalone', env });
    try {
      for (const token of ['dev-token', 'test-token']) {
        assert.equal((await sendWith(stack, token)).status, 401, token);
      }
      const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
      const headers = { 'content-type': 'application/grpc-web+proto' };
      const answer = await httpCall(`${stack.connection.url}${path}`, { headers, body: '' });
      assert.ok(answer.status === 404 || answer.headers['grpc-status'] === '12', JSON.stringify(answer));
    } finally {
      await stack.stop();
    }
  });
});
