import { MillraceError } from '@millrace/runtime';
import type { CredentialLookup, Verdict } from './credentials.ts';

/** Look-ups of which only so many are under way at once. */
export interface LimitedLookup {
  /** Waits for its turn; fails with `resource_exhausted` when too many wait already. */
  lookUp(secret: string): Verdict | Promise<Verdict>;
  /** Doesn't wait: for credentials known to be good, which a flood of unknown ones must not hold up. */
  lookUpKnown(secret: string): Verdict | Promise<Verdict>;
}

/** Bounds how many look-ups are under way and how many wait. One that answers at once never waits. */
export function limitLookups(
  lookUp: CredentialLookup,
  limits: { concurrent: number; waiting: number },
): LimitedLookup {
  const waiting: (() => void)[] = [];
  let underWay = 0;

  const release = (): void => {
    underWay--;
    waiting.shift()?.();
  };
  const run = (secret: string): Verdict | Promise<Verdict> => {
    underWay++;
    let answer: Verdict | Promise<Verdict>;
    try {
      answer = lookUp(secret);
    } catch (error) {
      release();
      throw error;
    }
    if (answer instanceof Promise) return answer.finally(release);
    release();
    return answer;
  };

  return {
    lookUpKnown: run,
    lookUp(secret) {
      if (underWay < limits.concurrent) return run(secret);
      if (waiting.length >= limits.waiting) {
        throw new MillraceError('resource_exhausted', 'too many credentials are being verified, try again');
      }
      return new Promise<void>((resolve) => waiting.push(resolve)).then(() => run(secret));
    },
  };
}
