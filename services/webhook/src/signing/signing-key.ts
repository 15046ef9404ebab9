import {
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { fieldError } from '@millrace/runtime';

/** What calls are signed with, as Standard Webhooks has it. Made once: signing with the bytes takes five times as long. */
export interface SigningKey {
  readonly scheme: 'hmac-sha256' | 'ed25519';
  readonly key: KeyObject;
}

const SECRET_PREFIX = 'whsec_';
const PRIVATE_PREFIX = 'whsk_';
const PUBLIC_PREFIX = 'whpk_';
const SECRET_BYTES = 32;
const MIN_SECRET_BYTES = 24;
const MAX_SECRET_BYTES = 64;
const ED25519_BYTES = 32;
/** What stands before the 32 bytes of an Ed25519 private key in PKCS #8 (RFC 8410). */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');

/** A new secret for HMAC-SHA-256: `whsec_` and 32 random bytes in base64. */
export function newSecret(): string {
  return SECRET_PREFIX + randomBytes(SECRET_BYTES).toString('base64');
}

/** A new key pair for Ed25519: `whsk_` and `whpk_`, each with 32 bytes in base64. */
export function newKeyPair(): { readonly privateKey: string; readonly publicKey: string } {
  const { privateKey } = generateKeyPairSync('ed25519');
  // The key's own bytes are the last of its encoding.
  const bytes = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-ED25519_BYTES);
  return {
    privateKey: PRIVATE_PREFIX + bytes.toString('base64'),
    publicKey: publicKeyOf({ scheme: 'ed25519', key: privateKey }),
  };
}

/**
 * The key of a `whsec_…` of 24 to 64 bytes, or of a `whsk_…` of 32. Throws MillraceError `invalid_argument` naming `field`, without
 * the secret.
 */
export function readSigningKey(text: string, field = 'secret'): SigningKey {
  if (text.startsWith(PRIVATE_PREFIX)) {
    const bytes = base64Bytes(text.slice(PRIVATE_PREFIX.length));
    if (bytes?.length !== ED25519_BYTES)
      throw fieldError(field, `must be ${PRIVATE_PREFIX} and ${ED25519_BYTES} bytes in base64`);
    const encoded = Buffer.concat([PKCS8_HEAD, bytes]);
    return { scheme: 'ed25519', key: createPrivateKey({ key: encoded, format: 'der', type: 'pkcs8' }) };
  }
  const bytes = text.startsWith(SECRET_PREFIX) ? base64Bytes(text.slice(SECRET_PREFIX.length)) : undefined;
  if (bytes === undefined || bytes.length < MIN_SECRET_BYTES || bytes.length > MAX_SECRET_BYTES) {
    const size = `${MIN_SECRET_BYTES} to ${MAX_SECRET_BYTES}`;
    throw fieldError(field, `must be ${SECRET_PREFIX} and ${size} bytes in base64`);
  }
  return { scheme: 'hmac-sha256', key: createSecretKey(bytes) };
}

/** The `whpk_…` that verifies what an Ed25519 key has signed. */
export function publicKeyOf({ key }: SigningKey & { readonly scheme: 'ed25519' }): string {
  const encoded = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return PUBLIC_PREFIX + encoded.subarray(-ED25519_BYTES).toString('base64');
}

/** The bytes of padded base64; undefined for any other text, of which Node would leave out what it doesn't know. */
function base64Bytes(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}
