import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromPageToken, toPageToken } from './list-entries.ts';

const position = { atMs: 1_767_225_600_123, id: '019b7a5e-0000-7000-8000-00000000000a' };

test('a token leads back to its position', () => {
  assert.deepEqual(fromPageToken(toPageToken(position)), position);
});

test('anything else is refused, however near', () => {
  const token = toPageToken(position);
  const encode = (text: string) => Buffer.from(text).toString('base64url');
  for (const wrong of [
    '',
    ' ',
    token.slice(1),
    token.slice(0, -1),
    `${token}=`,
    `${token} `,
    encode(`-1.${position.id}`),
    encode(`00.${position.id}`),
    encode(`99999999999999.${position.id}`),
    encode(`1.${position.id}x`),
    encode(`1.${position.id.toUpperCase()}`),
    'x'.repeat(10_000),
  ]) {
    assert.throws(() => fromPageToken(wrong), { code: 'invalid_argument', message: /^page_token: / }, wrong);
  }
});
