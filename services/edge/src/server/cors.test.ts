import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCors, preflightHeaders } from './cors.ts';

/** What the official clients send from a page, beside what every page may. */
const SENT = {
  'connect-web, Connect': ['content-type', 'connect-protocol-version', 'connect-timeout-ms'],
  'connect-web, gRPC-Web': ['content-type', 'x-grpc-web', 'x-user-agent', 'grpc-timeout'],
  'grpc-web': ['content-type', 'x-grpc-web', 'x-user-agent', 'grpc-timeout', 'x-api-key', 'authorization'],
};

const listOf = (headers: readonly string[], name: string): string[] =>
  headers[headers.indexOf(name) + 1]?.split(', ') ?? [];

for (const [client, sent] of Object.entries(SENT)) {
  test(`a preflight allows what is sent by ${client}`, () => {
    const allowed = listOf(preflightHeaders(['POST']), 'access-control-allow-headers');
    for (const header of sent) assert.ok(allowed.includes(header), header);
  });
}

test('a page may read how a gRPC-Web call ended', () => {
  const cors = createCors(['https://app.example']);
  const exposed = listOf(cors.headersFor('https://app.example'), 'access-control-expose-headers');
  for (const header of ['grpc-status', 'grpc-message', 'grpc-status-details-bin'])
    assert.ok(exposed.includes(header), header);
});
