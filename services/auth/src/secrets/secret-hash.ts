import { createHmac, createSecretKey, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Logger } from '@millrace/runtime';
import { type AuthStore, keepSetting } from '../store/auth-store.ts';

const KEY_BYTES = 32;

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
  /** HMAC-SHA-256 of a text, base64url; what one purpose yields says nothing of another's. */
  hmac(purpose: string, text: string): string;
  /** A key of 32 bytes for a purpose, by HKDF-SHA-256. */
  deriveKey(purpose: string): Buffer;
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
    hmac: (purpose, text) => digest(`${purpose}:`, text).toString('base64url'),
    deriveKey: (purpose) => Buffer.from(hkdfSync('sha256', keyObject, '', `millrace ${purpose}`, KEY_BYTES)),
  };
}

/** Whether two proofs are equal, in a time that doesn't depend on where they differ. */
export function sameProof(given: string, stored: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(stored);
  return a.length === b.length && timingSafeEqual(a, b);
}

/**
 * The hasher for `KEY_PEPPER`. Without one (the settings allow that in development only) a pepper is made once and
 * kept beside the hashes, where it makes all replicas agree but protects nothing.
 */
export async function openSecretHasher(options: {
  settings: AuthStore['settings'];
  pepper: string | undefined;
  log: Logger;
}): Promise<SecretHasher> {
  const { settings, log } = options;
  const pepper =
    options.pepper ??
    (await keepSetting(settings, 'development-pepper', randomBytes(32).toString('base64url')));
  const hasher = createSecretHasher(pepper);
  const kept = await keepSetting(settings, 'pepper-fingerprint', hasher.fingerprint);
  if (kept !== hasher.fingerprint) {
    log.warn(
      'the pepper is not the one that stored credentials were hashed with: keys issued before are unknown now',
    );
    const stored = await settings.read('pepper-fingerprint');
    if (stored) await settings.update('pepper-fingerprint', { value: hasher.fingerprint }, stored.revision);
  }
  return hasher;
}
