import assert from 'node:assert/strict';
import { createHmac, createPublicKey, verify } from 'node:crypto';
import { test } from 'node:test';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { type SignedCall, sign } from './sign.ts';
import { newKeyPair, newSecret, publicKeyOf, readSigningKey } from './signing-key.ts';

const body = Buffer.from(
  '{"event":"order.paid","timestamp":"2026-01-02T03:04:05.678Z","data":{"name":"Žofie 🛒"}}',
);

/** A call of now: the packages refuse what is older than five minutes. */
const callNow = (): SignedCall => ({
  id: 'dlv_0123456789abcdefABCDEF',
  timestampSeconds: Math.floor(Date.now() / 1_000),
  body,
});

const headersOf = ({ id, timestampSeconds }: SignedCall, signature: string) => ({
  'webhook-id': id,
  'webhook-timestamp': String(timestampSeconds),
  'webhook-signature': signature,
});

test('the vectors of Standard Webhooks: HMAC-SHA-256 and Ed25519', () => {
  const call = {
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    timestampSeconds: 1_614_265_330,
    body: Buffer.from('{"test": 2432232314}'),
  };
  assert.equal(
    sign(call, [readSigningKey('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')]),
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  );
  assert.equal(
    sign(call, [readSigningKey('whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk=')]),
    'v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag==',
  );
});

const verifiers = { standardwebhooks: StandardWebhook, svix: SvixWebhook };

for (const [name, Webhook] of Object.entries(verifiers)) {
  test(`${name} verifies a call, before, during and after a rotation`, () => {
    const [old, young] = [newSecret(), newSecret()];
    const [oldKey, youngKey] = [readSigningKey(old), readSigningKey(young)];
    const call = callNow();
    const isVerifiedBy = (secret: string, signature: string) => {
      try {
        new Webhook(secret).verify(call.body, headersOf(call, signature));
        return true;
      } catch (error) {
        assert.match(String(error), /No matching signature found/);
        return false;
      }
    };
    const outcomes = [[oldKey], [youngKey, oldKey], [youngKey]].map((keys) => {
      const signature = sign(call, keys);
      return [isVerifiedBy(old, signature), isVerifiedBy(young, signature)];
    });
    assert.deepEqual(outcomes, [
      [true, false],
      [true, true],
      [false, true],
    ]);
  });

  test(`${name} refuses another body, id or time than was signed`, () => {
    const secret = newSecret();
    const call = callNow();
    const signature = sign(call, [readSigningKey(secret)]);
    const others: SignedCall[] = [
      { ...call, body: Buffer.from(body.toString().replace('paid', 'lost')) },
      { ...call, body: Buffer.concat([body, Buffer.from(' ')]) },
      { ...call, id: 'dlv_0123456789abcdefABCDEG' },
      { ...call, timestampSeconds: call.timestampSeconds - 1 },
    ];
    const webhook = new Webhook(secret);
    webhook.verify(call.body, headersOf(call, signature));
    for (const other of others) {
      assert.throws(() => webhook.verify(other.body, headersOf(other, signature)), /No matching signature/);
    }
  });
}

/** Verifies as a receiver does who has the public key's 32 bytes. */
function isVerified(publicKey: string, signature: string, { id, timestampSeconds, body: sent }: SignedCall) {
  const x = Buffer.from(publicKey.slice('whpk_'.length), 'base64').toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  const message = Buffer.concat([Buffer.from(`${id}.${timestampSeconds}.`), sent]);
  return signature.split(' ').some((one) => {
    const [version, text = ''] = one.split(',');
    return version === 'v1a' && verify(null, message, key, Buffer.from(text, 'base64'));
  });
}

test('a public key verifies what its private key has signed, during a rotation too, and nothing else', () => {
  const [old, young] = [newKeyPair(), newKeyPair()];
  const call = callNow();
  const signature = sign(call, [readSigningKey(young.privateKey), readSigningKey(old.privateKey)]);
  assert.match(signature, /^v1a,[A-Za-z0-9+/]{86}== v1a,[A-Za-z0-9+/]{86}==$/);
  assert.equal(isVerified(old.publicKey, signature, call), true);
  assert.equal(isVerified(young.publicKey, signature, call), true);
  assert.equal(isVerified(newKeyPair().publicKey, signature, call), false);
  assert.equal(isVerified(old.publicKey, signature, { ...call, id: 'dlv_other' }), false);
  assert.equal(isVerified(old.publicKey, signature, { ...call, timestampSeconds: 1 }), false);
  assert.equal(isVerified(old.publicKey, signature, { ...call, body: Buffer.from('{}') }), false);
});

test('the bytes are signed as they are sent, whatever text they are', () => {
  const secret = newSecret();
  const call = { ...callNow(), body: Buffer.from([0xff, 0xfe, 0x00, 0x2e, 0xc3]) };
  const message = Buffer.concat([Buffer.from(`${call.id}.${call.timestampSeconds}.`), call.body]);
  const bytes = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const expected = createHmac('sha256', bytes).update(message).digest('base64');
  assert.equal(sign(call, [readSigningKey(secret)]), `v1,${expected}`);
  const pair = newKeyPair();
  assert.equal(isVerified(pair.publicKey, sign(call, [readSigningKey(pair.privateKey)]), call), true);
});

test('no call goes out without a signature', () => {
  assert.throws(() => sign(callNow(), []), RangeError);
});

test('secrets have 32 bytes, keys 32 each, and none comes twice', () => {
  const secrets = new Set(Array.from({ length: 100 }, newSecret));
  assert.equal(secrets.size, 100);
  for (const secret of secrets) assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
  const { privateKey, publicKey } = newKeyPair();
  assert.match(privateKey, /^whsk_[A-Za-z0-9+/]{43}=$/);
  assert.match(publicKey, /^whpk_[A-Za-z0-9+/]{43}=$/);
  const read = readSigningKey(privateKey);
  assert.equal(publicKeyOf({ ...read, scheme: 'ed25519' }), publicKey);
});

test('a secret has 24 to 64 bytes', () => {
  for (const bytes of [24, 32, 64]) {
    const { key } = readSigningKey(`whsec_${Buffer.alloc(bytes, 7).toString('base64')}`);
    assert.equal(key.symmetricKeySize, bytes);
  }
});

const encoded = (prefix: string, bytes: number) => prefix + Buffer.alloc(bytes, 7).toString('base64');
const secretIssue = 'must be whsec_ and 24 to 64 bytes in base64';
const privateIssue = 'must be whsk_ and 32 bytes in base64';
const unreadable: [what: string, text: string, issue: string][] = [
  ['nothing', '', secretIssue],
  ['a secret without its prefix', encoded('', 32), secretIssue],
  ['an empty secret', 'whsec_', secretIssue],
  ['23 bytes', encoded('whsec_', 23), secretIssue],
  ['65 bytes', encoded('whsec_', 65), secretIssue],
  ['base64 that was cut off', encoded('whsec_', 32).slice(0, -1), secretIssue],
  ['base64url', `whsec_${Buffer.alloc(32, 0xfb).toString('base64url')}`, secretIssue],
  ['what is no base64', `whsec_${'!'.repeat(43)}=`, secretIssue],
  ['a blank behind it', `${encoded('whsec_', 32)} `, secretIssue],
  ['a private key of 64 bytes', encoded('whsk_', 64), privateIssue],
  ['a private key of 31 bytes', encoded('whsk_', 31), privateIssue],
  ['a public key', encoded('whpk_', 32), secretIssue],
];

for (const [what, text, issue] of unreadable) {
  test(`no key: ${what}; the answer doesn’t repeat it`, () => {
    assert.throws(() => readSigningKey(text, 'secret'), {
      code: 'invalid_argument',
      message: `secret: ${issue}`,
    });
  });
}
