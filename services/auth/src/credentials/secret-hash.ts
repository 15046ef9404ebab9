import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';

/** Where a credential is found and what then proves it: the two halves of HMAC-SHA-256 under the pepper. */
export interface SecretHash {
  /** Names the record; 22 characters of base64url. */
  readonly recordKey: string;
  /** Stored in the record; 22 characters of base64url. */
  readonly proof: string;
}

/** Hashes secrets under one pepper. */
export interface SecretHasher {
  hash(secret: string): SecretHash;
  /** Changes with the pepper and doesn't give it away. */
  readonly fingerprint: string;
}

/** Makes a hasher; without the pepper, what it yields can't be tried against guesses. */
export function createSecretHasher(pepper: string): SecretHasher {
  const keyObject = createSecretKey(Buffer.from(pepper));
  const digest = (domain: string, text: string) =>
    createHmac('sha256', keyObject).update(domain).update(text).digest();
  return {
    hash(secret) {
      const bytes = digest('credential:', secret);
      return {
        recordKey: bytes.toString('base64url', 0, 16),
        proof: bytes.toString('base64url', 16),
      };
    },
    fingerprint: digest('fingerprint:', '').toString('base64url', 0, 16),
  };
}

/** Whether two proofs are equal, in a time that doesn't depend on where they differ. */
export function sameProof(given: string, stored: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(stored);
  return a.length === b.length && timingSafeEqual(a, b);
}
