import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { recognisableParts } from '../store/credential-record.ts';
import { createSecretHasher, sameProof } from './secret-hash.ts';

test('a secret is hashed with HMAC-SHA-256 under the pepper, half naming the record and half proving it', () => {
  const { recordKey, proof } = createSecretHasher('pepper').hash('secret');
  const whole = createHmac('sha256', 'pepper').update('credential:secret').digest();
  assert.deepEqual(
    Buffer.concat([Buffer.from(recordKey, 'base64url'), Buffer.from(proof, 'base64url')]),
    whole,
  );
  assert.match(recordKey, /^[A-Za-z0-9_-]{22}$/);
});

test('another pepper gives another hash and another fingerprint', () => {
  const one = createSecretHasher('one');
  const two = createSecretHasher('two');
  assert.notEqual(one.hash('secret').recordKey, two.hash('secret').recordKey);
  assert.notEqual(one.fingerprint, two.fingerprint);
});

test('what is made for one purpose says nothing of another, nor of the pepper', () => {
  const hasher = createSecretHasher('pepper');
  assert.notEqual(hasher.hmac('one', 'text'), hasher.hmac('two', 'text'));
  assert.notEqual(hasher.hmac('one', 'text'), createSecretHasher('other').hmac('one', 'text'));
  const key = hasher.deriveKey('one');
  assert.equal(key.length, 32);
  assert.deepEqual(hasher.deriveKey('one'), key);
  assert.notDeepEqual(hasher.deriveKey('two'), key);
  assert.notDeepEqual(createSecretHasher('other').deriveKey('one'), key);
});

test('a proof of another length or value is not the same', () => {
  assert.equal(sameProof('abc', 'abc'), true);
  assert.equal(sameProof('abc', 'abd'), false);
  assert.equal(sameProof('abc', 'abcd'), false);
});

test('nothing is shown of a secret that is short enough to be guessed from it', () => {
  assert.deepEqual(recognisableParts('dev-token'), { prefix: '', lastFour: '' });
  assert.deepEqual(recognisableParts(`evp_${'a'.repeat(39)}wxyz`), { prefix: 'evp_aaaa', lastFour: 'wxyz' });
});
