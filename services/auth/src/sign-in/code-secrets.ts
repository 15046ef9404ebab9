import { type SecretHasher, sameProof } from '../secrets/secret-hash.ts';

/** What becomes of addresses and codes before they are stored. */
export interface CodeSecrets {
  /** Six digits. */
  newCode(): string;
  /** Names an address without telling it. */
  addressKey(email: string): string;
  /** A code's hash, good for its address only. */
  codeHash(email: string, code: string): string;
  /** Whether a hash is the one that is stored, in the same time whether or not one is. */
  isRight(codeHash: string, stored: string | undefined): boolean;
}

const CODES = 1_000_000;

/** Hashes under the pepper: without it a dump can't be searched for the million codes there are. */
export function createCodeSecrets(options: {
  hasher: SecretHasher;
  /** A uniform number from 0 to below `max` that nobody can foresee. */
  randomInt: (max: number) => number;
}): CodeSecrets {
  const { hasher, randomInt } = options;
  // Equal to no hash of a code.
  const nothing = hasher.hmac('no-sign-in-code', '');
  return {
    newCode: () => String(randomInt(CODES)).padStart(6, '0'),
    addressKey: (email) => hasher.hmac('sign-in-address', email),
    codeHash: (email, code) => hasher.hmac('sign-in-code', `${email} ${code}`),
    isRight: (codeHash, stored) => sameProof(codeHash, stored ?? nothing) && stored !== undefined,
  };
}
