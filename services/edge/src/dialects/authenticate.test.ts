import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CredentialKind, Refusal } from '@millrace/contracts/millrace/auth/v1/auth';
import type { CredentialVerifier, Grant } from '../gateway/credentials.ts';
import type { AccessRule } from '../http/access.ts';
import { type Failure, RequestFailure } from '../http/failure.ts';
import { authenticate } from './authenticate.ts';
import { type FakeRequest, fakeExchange } from './test-support/fake-exchange.ts';

const grant: Grant = {
  kind: 'granted',
  credentialId: 'c',
  workspaceId: 'w',
  userId: '',
  permissions: new Set(['events:write']),
  credentialKind: CredentialKind.UNSPECIFIED,
  expiresAtMs: undefined,
  rateLimit: undefined,
};
const presented: string[] = [];
const verifier: CredentialVerifier = {
  verify(secret) {
    presented.push(secret);
    return secret.startsWith('bad') ? { kind: 'refused', refusal: Refusal.UNKNOWN } : grant;
  },
};
const rule: AccessRule = { places: ['apiKey', 'bearer', 'beacon'], anyOf: ['events:write'] };

/** The secret that was taken, or the failure. */
function outcome(request: FakeRequest, access = rule): string | Failure['kind'] {
  try {
    assert.equal(
      authenticate(fakeExchange(request), { credentials: verifier }, access),
      grant,
      'answered at once',
    );
    return presented.at(-1) ?? '';
  } catch (error) {
    assert.ok(error instanceof RequestFailure);
    return error.failure.kind;
  }
}

test('a key is taken from either header, Bearer in any case, with any blanks', () => {
  assert.equal(outcome({ headers: { 'x-api-key': ' key ' } }), 'key');
  for (const value of ['Bearer key', 'bearer key', 'BEARER  key', 'Bearer\tkey']) {
    assert.equal(outcome({ headers: { authorization: value } }), 'key', value);
  }
});

test('of two credentials the first place wins, and the other is not tried', () => {
  const headers = { 'x-api-key': 'bad', authorization: 'Bearer key' };
  assert.equal(outcome({ headers }), 'invalid_credential');
  assert.equal(outcome({ headers }, { ...rule, places: ['bearer', 'apiKey'] }), 'key');
});

test('no credential is missing; an unknown one, or another scheme, is invalid', () => {
  assert.equal(outcome({}), 'missing_credential');
  assert.equal(outcome({ headers: { 'x-api-key': '' } }), 'missing_credential');
  assert.equal(outcome({ headers: { authorization: 'Basic a2V5' } }), 'invalid_credential');
  assert.equal(outcome({ headers: { authorization: 'Bearer' } }), 'invalid_credential');
  assert.equal(
    outcome({ headers: { authorization: 'Basic a2V5' } }, { ...rule, places: ['apiKey'] }),
    'missing_credential',
  );
  assert.equal(outcome({ headers: { 'x-api-key': 'bad' } }), 'invalid_credential');
});

test('a beacon puts its key into the query, only with text/plain, only where it may', () => {
  const headers = { 'content-type': 'text/plain;charset=UTF-8' };
  assert.equal(outcome({ headers, search: 'key=k%2B1' }), 'k+1');
  assert.equal(
    outcome({ headers: { 'content-type': 'application/json' }, search: 'key=k' }),
    'missing_credential',
  );
  assert.equal(outcome({ search: 'key=k' }), 'missing_credential');
  assert.equal(outcome({ headers, search: 'key=k' }, { ...rule, places: ['apiKey'] }), 'missing_credential');
});

test('one of the permissions suffices; none asked lets any key pass', () => {
  const headers = { 'x-api-key': 'key' };
  assert.equal(outcome({ headers }, { ...rule, anyOf: ['analytics:read', 'events:write'] }), 'key');
  assert.equal(outcome({ headers }, { ...rule, anyOf: ['analytics:read'] }), 'forbidden');
  assert.equal(outcome({ headers }, { ...rule, anyOf: [] }), 'key');
});

test('a verdict that comes later is judged the same', async () => {
  const late: CredentialVerifier = { verify: async (secret) => verifier.verify(secret) };
  const exchange = fakeExchange({ headers: { 'x-api-key': 'key' } });
  assert.equal(await authenticate(exchange, { credentials: late }, rule), grant);
  await assert.rejects(
    async () => authenticate(exchange, { credentials: late }, { ...rule, anyOf: ['sql'] }),
    (error) => error instanceof RequestFailure && error.failure.kind === 'forbidden',
  );
});
