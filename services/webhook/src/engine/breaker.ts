import type { Clock } from '@millrace/runtime';

/** What came of an attempt; one that was broken off by us says nothing about its target. */
export type AttemptOutcome = 'succeeded' | 'failed' | 'abandoned';

/** The place of an attempt among those that a breaker has let through. */
export type Passage = number;

/** Failed attempts one after the other that open it. */
const MAX_FAILURES = 10;
const FIRST_PAUSE_MS = 5_000;
const MAX_PAUSE_MS = 5 * 60_000;
/** A pause is up to a tenth shorter, so that what failed together isn't tried again together. */
const JITTER = 0.1;
const NO_PROBE: Passage = 0;

/**
 * Keeps attempts from a target that fails them. Ten failures in a row open it; after a pause of 5 s one attempt, the probe, is let
 * through, and its success closes the breaker, as that of any attempt does. After each probe that fails the pause is twice as long, up
 * to 5 min. What fails meanwhile, having begun before, changes nothing.
 */
export class Breaker {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #random: () => number;
  #failures = 0;
  /** Pauses since it was closed; 0 while it is. */
  #pauses = 0;
  #pausedUntilMs = 0;
  #probe: Passage = NO_PROBE;
  #probes = 0;

  /** `random` is from 0, below 1. */
  constructor(clock: Pick<Clock, 'monotonic'>, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  get isOpen(): boolean {
    return this.#pauses > 0;
  }

  /** Milliseconds until an attempt may begin: 0 for now, infinite while a probe is under way, whose end tells. */
  get waitMs(): number {
    if (!this.isOpen) return 0;
    if (this.#probe !== NO_PROBE) return Number.POSITIVE_INFINITY;
    return Math.max(0, this.#pausedUntilMs - this.#clock.monotonic());
  }

  /** Lets an attempt through, which `waitMs` must allow; `end` takes the answer. */
  begin(): Passage {
    if (!this.isOpen) return NO_PROBE;
    if (this.waitMs > 0) throw new RangeError('the breaker is open');
    this.#probe = ++this.#probes;
    return this.#probe;
  }

  /** Tells what came of an attempt that was let through. */
  end(passage: Passage, outcome: AttemptOutcome): void {
    const isProbe = passage !== NO_PROBE && passage === this.#probe;
    if (isProbe) this.#probe = NO_PROBE;
    if (outcome === 'succeeded') this.reset();
    else if (outcome === 'failed' && isProbe) this.#pause();
    else if (outcome === 'failed' && !this.isOpen && ++this.#failures >= MAX_FAILURES) this.#pause();
  }

  /** Forgets what has failed: the target works, or another has come in its place. */
  reset(): void {
    this.#failures = 0;
    this.#pauses = 0;
    this.#probe = NO_PROBE;
  }

  #pause(): void {
    const pauseMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#pauses);
    this.#pauses++;
    this.#pausedUntilMs = this.#clock.monotonic() + pauseMs * (1 - JITTER * this.#random());
  }
}
