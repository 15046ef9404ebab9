import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorCode, MillraceError } from '@millrace/runtime';
import { toConnectError } from './failure.ts';

test('who may come again is told when, as over REST', () => {
  const retryAfter = (code: ErrorCode) =>
    toConnectError(new MillraceError(code, 'not now')).metadata.get('retry-after');
  assert.equal(retryAfter('unavailable'), '1');
  assert.equal(retryAfter('resource_exhausted'), '5');
  assert.equal(retryAfter('invalid_argument'), null);
});
