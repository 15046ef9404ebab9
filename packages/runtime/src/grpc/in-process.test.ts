import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnalyticsService } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { AuthService } from '@millrace/contracts/millrace/auth/v1/auth';
import { MillraceError } from '../errors.ts';
import { callInProcess } from './in-process.ts';
import { bindService } from './server.ts';

const never = new Promise<never>(() => undefined);

test('a request is completed with defaults, and so is the answer', async () => {
  const seen: string[] = [];
  const methods = callInProcess(
    AuthService,
    bindService(AuthService, {
      async verify(request) {
        seen.push(request.secret);
        return { workspaceId: 'w' };
      },
    }),
  );
  const answer = await methods.verify({}, { timeoutMs: 1_000 });
  assert.deepEqual(seen, ['']);
  assert.equal(answer.workspaceId, 'w');
  assert.deepEqual(answer.permissions, []);
});

test('failures are those of a call over gRPC', async () => {
  const methods = callInProcess(
    AuthService,
    bindService(AuthService, {
      getCredential: () => Promise.reject(new MillraceError('not_found', 'no such credential')),
      deleteCredential: () => Promise.reject(new TypeError('a secret detail')),
      verify: () => never,
    }),
  );
  const codeOf = (code: string, message: RegExp) => (error: unknown) => {
    assert.ok(error instanceof MillraceError);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  };
  await assert.rejects(methods.getCredential({}, { timeoutMs: 1_000 }), codeOf('not_found', /no such/));
  await assert.rejects(
    methods.deleteCredential({}, { timeoutMs: 1_000 }),
    codeOf('internal', /^internal error$/),
  );
  await assert.rejects(
    methods.listCredentials({}, { timeoutMs: 1_000 }),
    codeOf('unimplemented', /ListCredentials/),
  );
  await assert.rejects(methods.verify({}, { timeoutMs: 5 }), codeOf('deadline_exceeded', /in time/));
  const signal = AbortSignal.abort();
  await assert.rejects(methods.verify({}, { timeoutMs: 1_000, signal }), codeOf('canceled', /gave up/));
});

test('a binding of another service is refused', () => {
  assert.throws(() => callInProcess(AnalyticsService, bindService(AuthService, {})), TypeError);
});
