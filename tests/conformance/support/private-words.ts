import { randomBytes } from 'node:crypto';

/** Words that only their owners may read, by what they are. */
export interface PrivateWords {
  /** A new one of letters and digits, which every encoding of text leaves as it is. */
  make(what: string): string;
  /** Takes a secret that was made elsewhere. */
  add(what: string, secret: string): void;
  /** What of them a text tells. */
  foundIn(text: string): string[];
}

/** Six digits may be part of a time or a number; alone they are the code. */
const DIGITS_ONLY = /^\d+$/;
const SHORTEST = 6;

/** Keeps words and looks for them. */
export function createPrivateWords(): PrivateWords {
  const words = new Map<string, RegExp>();
  let made = 0;

  function add(what: string, secret: string): void {
    if (secret.length < SHORTEST) throw new Error(`${what} is too short to be recognised`);
    const escaped = secret.replaceAll(/[^A-Za-z0-9]/g, '\\$&');
    words.set(
      `${what} (${words.size})`,
      new RegExp(DIGITS_ONLY.test(secret) ? `(?<![\\d.])${escaped}(?![\\d.])` : escaped),
    );
  }

  return {
    add,
    make(what) {
      const word = `private${made++}x${randomBytes(16).toString('hex')}`;
      add(what, word);
      return word;
    },
    foundIn: (text) => [...words].filter(([, pattern]) => pattern.test(text)).map(([what]) => what),
  };
}
