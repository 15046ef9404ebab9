import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MillraceError } from '@millrace/runtime';
import { authDouble, benchDialect } from '../../../test/dialect-harness.ts';
import { signInApi } from './routes.ts';

const KEYS_JSON = '{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qY","kid":"1","alg":"EdDSA","use":"sig"}]}';

function bench(getSigningKeys: () => Promise<{ jwksJson: string }>) {
  const time = { nowMs: 0 };
  const clock = { now: () => time.nowMs, monotonic: () => time.nowMs };
  const { send } = benchDialect(signInApi, { clock, auth: authDouble({ signIn: { getSigningKeys } }) });
  return { time, get: () => send('GET', '/.well-known/jwks.json', {}) };
}

test('200: the key set as auth has it, for anybody, for five minutes', async () => {
  const { get } = bench(async () => ({ jwksJson: KEYS_JSON }));
  assert.deepEqual((await get()).reply, {
    status: 200,
    body: KEYS_JSON,
    headers: ['content-type', 'application/jwk-set+json', 'cache-control', 'public, max-age=300'],
  });
});

test('auth is asked once in a while, however many ask', async () => {
  let asked = 0;
  const { get, time } = bench(async () => ({ jwksJson: `{"keys":[],"asked":${++asked}}` }));
  await Promise.all(Array.from({ length: 100 }, get));
  assert.equal(asked, 1);
  time.nowMs = 5_000;
  assert.equal((await get()).reply.body, '{"keys":[],"asked":2}');
});

test('503: while auth can’t be asked, and not a moment longer', async () => {
  let isAway = true;
  const { get } = bench(async () => {
    if (isAway) throw new MillraceError('unavailable', 'a cause');
    return { jwksJson: KEYS_JSON };
  });
  const away = await get();
  assert.equal(away.status, 503);
  assert.deepEqual(away.reply.headers, ['content-type', 'application/problem+json', 'retry-after', '1']);
  isAway = false;
  assert.equal((await get()).status, 200);
});
