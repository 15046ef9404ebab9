import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CredentialKind } from '@millrace/contracts/millrace/auth/v1/auth';
import { limitsForTests } from '../../../test/limits.ts';
import type { Grant } from '../../clients/credentials.ts';
import type { Limited, LimitVerdict } from './request-limits.ts';

const grant = (more: Partial<Grant> = {}): Grant => ({
  kind: 'granted',
  credentialId: 'c',
  workspaceId: 'w',
  userId: '',
  permissions: new Set(),
  credentialKind: CredentialKind.SECRET_KEY,
  expiresAtMs: undefined,
  rateLimit: undefined,
  ...more,
});
const ONE = { requestsPerMinute: 60, burst: 1 };
const isAllowed = (verdict: LimitVerdict) => now(verdict).retryAfterSeconds === undefined;

function now(verdict: LimitVerdict): Limited {
  assert.ok(verdict !== undefined && !(verdict instanceof Promise));
  return verdict;
}

test('without any limit there is nothing to ask or to tell', () => {
  const limits = limitsForTests();
  assert.equal(limits.caller(grant()), undefined);
  assert.equal(limits.caller(grant(), 'workflow'), undefined);
  assert.equal(limits.address('192.0.2.1'), undefined);
});

test('the headers tell the quota, what is left of it, and when there is more', () => {
  const limits = limitsForTests();
  const limited = grant({ rateLimit: { requestsPerMinute: 1_000, burst: 2 } });
  assert.deepEqual(now(limits.caller(limited)), {
    headers: ['ratelimit-policy', '"default";q=1000;w=60', 'ratelimit', '"default";r=1;t=1'],
    retryAfterSeconds: undefined,
  });
  limits.caller(limited);
  assert.deepEqual(now(limits.caller(limited)), {
    headers: ['ratelimit-policy', '"default";q=1000;w=60', 'ratelimit', '"default";r=0;t=1'],
    retryAfterSeconds: 1,
  });
});

test('each credential is counted for itself, and a person over all their sessions of a workspace', () => {
  const limits = limitsForTests();
  const key = (credentialId: string) => limits.caller(grant({ credentialId, userId: 'u', rateLimit: ONE }));
  assert.deepEqual([key('a'), key('b'), key('a')].map(isAllowed), [true, true, false]);
  const session = (credentialId: string, workspaceId: string) =>
    limits.caller(
      grant({
        credentialId,
        workspaceId,
        userId: 'u',
        credentialKind: CredentialKind.SESSION,
        rateLimit: ONE,
      }),
    );
  assert.deepEqual([session('1', 'w'), session('2', 'w'), session('3', 'x')].map(isAllowed), [
    true,
    false,
    true,
  ]);
});

test("the workflow API's limit holds for tokens without one of their own, there and nowhere else", () => {
  const limits = limitsForTests({ workflowPerMinute: 2 });
  const verdicts = [1, 2, 3].map(() => limits.caller(grant(), 'workflow'));
  assert.deepEqual(verdicts.map(isAllowed), [true, true, false]);
  assert.equal(limits.caller(grant()), undefined);
  const own = grant({ credentialId: 'own', rateLimit: { requestsPerMinute: 600, burst: 100 } });
  assert.match(now(limits.caller(own, 'workflow')).headers.join(' '), /q=600;w=60 .*r=99;/);
});

test('a hundred of an address go through at once, then it waits; others do not', () => {
  const limits = limitsForTests({ authPerMinute: 100 });
  for (let i = 0; i < 100; i++) assert.ok(isAllowed(limits.address('192.0.2.1')), String(i));
  assert.equal(now(limits.address('192.0.2.1')).retryAfterSeconds, 1);
  assert.ok(isAllowed(limits.address('192.0.2.2')));
});

test('who changes the address within their IPv6 network is still the same', () => {
  const limits = limitsForTests({ authPerMinute: 1 });
  assert.ok(isAllowed(limits.address('2001:db8::1')));
  assert.ok(!isAllowed(limits.address('2001:db8::2')));
  assert.ok(isAllowed(limits.address('2001:db8:0:1::1')));
});

test('refusals are counted by limit', () => {
  const counted: string[] = [];
  const limits = limitsForTests({
    workflowPerMinute: 1,
    authPerMinute: 1,
    countLimited: (limit) => counted.push(limit),
  });
  for (let i = 0; i < 2; i++) {
    limits.caller(grant(), 'workflow');
    limits.caller(grant({ rateLimit: ONE }));
    limits.address('192.0.2.1');
  }
  assert.deepEqual(counted, ['workflow', 'credential', 'auth']);
});
