import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { calculateJwkThumbprint } from 'jose';
import type { Seal } from '../secrets/seal.ts';
import type { SigningKeyRecord } from '../store/signing-key-record.ts';

/** A key pair that this installation made, ready for use. */
export interface SigningKey {
  readonly record: SigningKeyRecord;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** Makes an Ed25519 pair for the store; its `kid` is the thumbprint of the public key (RFC 7638). */
export async function newSigningKeyRecord(options: {
  seal: Seal;
  createdAtMs: number;
  signsFromMs: number;
}): Promise<SigningKeyRecord> {
  const { privateKey } = generateKeyPairSync('ed25519');
  const privateJwk = privateKey.export({ format: 'jwk' });
  const publicJwk = { kty: 'OKP', crv: 'Ed25519', x: privateJwk.x ?? '' } as const;
  const kid = await calculateJwkThumbprint(publicJwk);
  return {
    kid,
    publicJwk,
    sealedPrivateJwk: options.seal.close(kid, JSON.stringify(privateJwk)),
    createdAtMs: options.createdAtMs,
    signsFromMs: options.signsFromMs,
  };
}

/**
 * A stored key, unless it was sealed under another pepper.
 * The public half is taken from the sealed one: whoever can write to the store can not bring in a key of their own.
 */
export function openSigningKey(seal: Seal, record: SigningKeyRecord): SigningKey | undefined {
  const opened = seal.open(record.kid, record.sealedPrivateJwk);
  if (opened === undefined) return undefined;
  const privateKey = createPrivateKey({ key: JSON.parse(opened), format: 'jwk' });
  const publicKey = createPublicKey(privateKey);
  if (publicKey.export({ format: 'jwk' }).x !== record.publicJwk.x) return undefined;
  return { record, publicKey, privateKey };
}
