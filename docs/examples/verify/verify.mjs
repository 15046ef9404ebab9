// Verifies a webhook call, signed with HMAC-SHA-256 or with Ed25519. Node 18 or newer, no packages.
import { createHmac, createPublicKey, timingSafeEqual, verify } from 'node:crypto';
import { buffer } from 'node:stream/consumers';

/** What a call may be older than your clock, or newer: an old one may be somebody's who has overheard it. */
const TOLERANCE_SECONDS = 300;

/**
 * Whether a call is from who has the secret (`whsec_…`) or the private half of the key (`whpk_…`). `headers` are in lower case, and
 * `body` is the Buffer that came, not what a JSON parser made of it.
 */
export function isGenuine(key, headers, body) {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures = '' } = headers;
  if (!/^\d{1,15}$/.test(timestamp ?? '')) return false;
  if (Math.abs(Date.now() / 1_000 - Number(timestamp)) > TOLERANCE_SECONDS) return false;
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
  // The key says how calls are signed, never the call: who knows a public key could sign with it as if it were a secret.
  const version = key.startsWith('whsec_') ? 'v1' : 'v1a';
  const isGood = version === 'v1' ? hmacWith(key, signed) : ed25519With(key, signed);
  // During a rotation there are two, one of each key.
  return signatures.split(' ').some((one) => {
    const [is, text = ''] = one.split(',');
    return is === version && isGood(Buffer.from(text, 'base64'));
  });
}

function hmacWith(secret, signed) {
  const bytes = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const expected = createHmac('sha256', bytes).update(signed).digest();
  return (given) => given.length === expected.length && timingSafeEqual(given, expected);
}

function ed25519With(publicKey, signed) {
  if (!publicKey.startsWith('whpk_')) throw new Error('a key is whsec_… or whpk_…');
  const x = Buffer.from(publicKey.slice('whpk_'.length), 'base64').toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  return (given) => verify(null, signed, key, given);
}

// To try it: the headers as CGI has them, the body on the standard input.
const { WEBHOOK_KEY = '', HTTP_WEBHOOK_ID, HTTP_WEBHOOK_TIMESTAMP, HTTP_WEBHOOK_SIGNATURE } = process.env;
const headers = {
  'webhook-id': HTTP_WEBHOOK_ID,
  'webhook-timestamp': HTTP_WEBHOOK_TIMESTAMP,
  'webhook-signature': HTTP_WEBHOOK_SIGNATURE,
};
const genuine = isGenuine(WEBHOOK_KEY, headers, await buffer(process.stdin));
process.stdout.write(genuine ? 'genuine\n' : 'refused\n');
process.exitCode = genuine ? 0 : 1;
