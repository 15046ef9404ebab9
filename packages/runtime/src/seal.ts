import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** Encrypts small texts so that only who has the key can read them, or put others in their place. */
export interface Seal {
  /** `label` is not hidden; `open` asks for the same one. */
  close(label: string, plain: string): string;
  /** Undefined when it was sealed with another key or label, or was changed. */
  open(label: string, sealed: string): string | undefined;
}

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** AES-256-GCM with a random nonce; what it yields is nonce, tag and ciphertext in base64url. */
export function createSeal(key: Buffer): Seal {
  return {
    close(label, plain) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(Buffer.from(label));
      const encrypted = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), encrypted]).toString('base64url');
    },
    open(label, sealed) {
      const bytes = Buffer.from(sealed, 'base64url');
      if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
      const nonce = bytes.subarray(0, NONCE_BYTES);
      const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES })
        .setAAD(Buffer.from(label))
        .setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      try {
        const plain = [decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()];
        return Buffer.concat(plain).toString('utf8');
      } catch {
        // The tag doesn't fit: that is how GCM tells another key from the right one.
        return undefined;
      }
    },
  };
}
