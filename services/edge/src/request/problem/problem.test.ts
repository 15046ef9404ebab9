import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Failure } from '../../server/failure.ts';
import { fieldOf } from './describe-failure.ts';
import { encodeProblem } from './encode-problem.ts';

const issue = { code: 'too_small', path: ['events', 3, 'userId'], message: 'Required' } as const;

const cases: [Failure, status: number][] = [
  [{ kind: 'invalid', issues: [issue] }, 400],
  [{ kind: 'malformed_json', message: 'not JSON' }, 400],
  [{ kind: 'missing_credential' }, 401],
  [{ kind: 'invalid_credential' }, 401],
  [{ kind: 'forbidden', permission: 'events:write' }, 403],
  [{ kind: 'not_found' }, 404],
  [{ kind: 'method_not_allowed', allowed: ['GET', 'POST'] }, 405],
  [{ kind: 'request_timeout' }, 408],
  [{ kind: 'conflict', eventId: 'evt_1' }, 409],
  [{ kind: 'too_large', limitBytes: 10 }, 413],
  [{ kind: 'unsupported_media_type', message: 'send JSON' }, 415],
  [{ kind: 'rate_limited', retryAfterSeconds: 3 }, 429],
  [{ kind: 'unavailable', retryAfterSeconds: 5 }, 503],
  [{ kind: 'internal' }, 500],
];
for (const [failure, status] of cases) {
  test(`${status}: ${failure.kind} is a problem`, () => {
    const reply = encodeProblem(failure);
    const body = JSON.parse(reply.body);
    assert.equal(reply.status, status);
    assert.equal(body.status, status);
    assert.equal(body.type, 'about:blank');
    assert.equal(body.code, failure.kind);
    assert.ok(body.title.length > 0 && body.detail.length > 0);
    assert.equal(header(reply.headers, 'content-type'), 'application/problem+json');
  });
}

test('an invalid request names every place', () => {
  const body = JSON.parse(encodeProblem({ kind: 'invalid', issues: [issue] }).body);
  assert.equal(body.detail, 'events[3].userId: Required');
  assert.deepEqual(body.errors, [{ field: 'events[3].userId', code: 'too_small', detail: 'Required' }]);
});

test('what is not there is named where that is known', () => {
  const detail = (failure: Failure) => JSON.parse(encodeProblem(failure).body).detail;
  assert.equal(detail({ kind: 'not_found', message: 'no such member' }), 'no such member');
  assert.equal(detail({ kind: 'not_found' }), 'Not found');
});

test('headers that go with a status', () => {
  const headersOf = (failure: Failure) => encodeProblem(failure).headers;
  assert.equal(
    header(headersOf({ kind: 'method_not_allowed', allowed: ['GET', 'POST'] }), 'allow'),
    'GET, POST',
  );
  assert.equal(header(headersOf({ kind: 'unavailable', retryAfterSeconds: 5 }), 'retry-after'), '5');
  assert.equal(header(headersOf({ kind: 'missing_credential' }), 'www-authenticate'), 'Bearer');
});

test('fields read as people write them', () => {
  assert.equal(fieldOf([]), '');
  assert.equal(fieldOf(['a', 'b', 0, 1, 'c']), 'a.b[0][1].c');
  assert.equal(fieldOf([2, 'id']), '[2].id');
});

function header(headers: readonly string[] | undefined, name: string): string | undefined {
  const at = headers?.indexOf(name) ?? -1;
  return at === -1 ? undefined : headers?.[at + 1];
}
