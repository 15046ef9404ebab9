import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CredentialKind, Refusal } from '@millrace/contracts/millrace/auth/v1/auth';
import { MillraceError } from '@millrace/runtime';
import { type FakeRequest, fakeExchange } from '../../test/fake-exchange.ts';
import { limitsForTests } from '../../test/limits.ts';
import type { CredentialVerifier, Grant } from '../clients/credentials.ts';
import { type Failure, RequestFailure } from './failure.ts';
import { admit } from './gate.ts';
import type { AccessRule } from './route.ts';

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
const limits = limitsForTests();
const rule: AccessRule = { places: ['apiKey', 'bearer', 'beacon'], anyOf: ['events:write'] };

/** The secret that was taken, or the failure. */
function outcome(request: FakeRequest, access = rule): string | Failure['kind'] {
  try {
    assert.equal(
      admit(fakeExchange(request), { credentials: verifier, limits }, access),
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

test('two credentials that differ are none, whichever of them is good; the same one twice is one', () => {
  const headers = { 'x-api-key': 'bad', authorization: 'Bearer key' };
  assert.equal(outcome({ headers }), 'invalid_credential');
  assert.equal(outcome({ headers }, { ...rule, places: ['bearer', 'apiKey'] }), 'invalid_credential');
  assert.equal(outcome({ headers: { ...headers, 'x-api-key': 'key' } }), 'key');
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
  assert.equal(await admit(exchange, { credentials: late, limits }, rule), grant);
  await assert.rejects(
    async () => admit(exchange, { credentials: late, limits }, { ...rule, anyOf: ['sql'] }),
    (error) => error instanceof RequestFailure && error.failure.kind === 'forbidden',
  );
});

test('a limited caller is told so with every answer, and is let in no more when it is exceeded', () => {
  const limited: CredentialVerifier = {
    verify: () => ({ ...grant, rateLimit: { requestsPerMinute: 60, burst: 2 } }),
  };
  const deps = { credentials: limited, limits: limitsForTests() };
  const headers = { 'x-api-key': 'key' };
  const told = (left: number) => [
    'ratelimit-policy',
    '"default";q=60;w=60',
    'ratelimit',
    `"default";r=${left};t=1`,
  ];

  const allowed = fakeExchange({ headers });
  admit(allowed, deps, rule);
  assert.deepEqual(allowed.addedHeaders, told(1));

  const forbidden = fakeExchange({ headers });
  assert.throws(
    () => admit(forbidden, deps, { ...rule, anyOf: ['sql'] }),
    failsWith({ kind: 'forbidden', permission: 'sql' }),
  );
  assert.deepEqual(forbidden.addedHeaders, told(0));

  const refused = fakeExchange({ headers });
  assert.throws(() => admit(refused, deps, rule), failsWith({ kind: 'rate_limited', retryAfterSeconds: 1 }));
  assert.deepEqual(refused.addedHeaders, told(0));
});

test("the installation's limit holds where the rule names it, for callers without one of their own", () => {
  const deps = { credentials: verifier, limits: limitsForTests({ workflowPerMinute: 1 }) };
  const workflow: AccessRule = { ...rule, limit: 'workflow' };
  const ask = (access: AccessRule) => {
    const exchange = fakeExchange({ headers: { 'x-api-key': 'key' } });
    admit(exchange, deps, access);
    return exchange.addedHeaders;
  };
  assert.deepEqual(ask(workflow).slice(0, 2), ['ratelimit-policy', '"default";q=1;w=60']);
  assert.throws(() => ask(workflow), failsWith({ kind: 'rate_limited', retryAfterSeconds: 60 }));
  assert.deepEqual(ask(rule), []);
});

test('a credential that is not good costs nobody anything of a limit', () => {
  const deps = { credentials: verifier, limits: limitsForTests({ workflowPerMinute: 1 }) };
  const exchange = fakeExchange({ headers: { 'x-api-key': 'bad' } });
  assert.throws(
    () => admit(exchange, deps, { ...rule, limit: 'workflow' }),
    failsWith({ kind: 'invalid_credential' }),
  );
  assert.deepEqual(exchange.addedHeaders, []);
});

test('a limit that is kept elsewhere is waited for', async () => {
  const retryAfterSeconds = 7;
  const later = {
    ...limits,
    caller: async () => ({ headers: ['ratelimit', 'far'], retryAfterSeconds }),
  };
  const exchange = fakeExchange({ headers: { 'x-api-key': 'key' } });
  await assert.rejects(
    async () => admit(exchange, { credentials: verifier, limits: later }, { ...rule, limit: 'workflow' }),
    failsWith({ kind: 'rate_limited', retryAfterSeconds }),
  );
  assert.deepEqual(exchange.addedHeaders, ['ratelimit', 'far']);
});

test('when too many credentials wait to be verified the caller is to come back, nothing is away', async () => {
  const crowded = new MillraceError('resource_exhausted', 'too many');
  const exchange = fakeExchange({ headers: { 'x-api-key': 'key' } });
  const verifiers: CredentialVerifier[] = [
    {
      verify() {
        throw crowded;
      },
    },
    { verify: () => Promise.reject(crowded) },
  ];
  for (const credentials of verifiers) {
    await assert.rejects(
      async () => admit(exchange, { credentials, limits }, rule),
      failsWith({ kind: 'rate_limited', retryAfterSeconds: 1 }),
    );
  }
  const away: CredentialVerifier = { verify: () => Promise.reject(new MillraceError('unavailable', 'away')) };
  await assert.rejects(async () => admit(exchange, { credentials: away, limits }, rule), {
    code: 'unavailable',
  });
});

function failsWith(failure: Failure): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof RequestFailure);
    assert.deepEqual(error.failure, failure);
    return true;
  };
}
