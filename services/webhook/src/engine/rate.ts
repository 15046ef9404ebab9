import type { Clock } from '@millrace/runtime';

/**
 * How fast attempts may begin: a bucket of tokens that fills at an even rate, kept as the one time at which it will be full (the
 * generic cell rate algorithm).
 */
export class Rate {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #intervalMs: number;
  readonly #burstMs: number;
  #fullAtMs: number;

  /** So many tokens come a second, 0 for no limit; a second's worth, and one at least, may be taken at once. The bucket is full. */
  constructor(perSecond: number, clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
    this.#intervalMs = perSecond === 0 ? 0 : 1_000 / perSecond;
    this.#burstMs = (Math.max(1, perSecond) - 1) * this.#intervalMs;
    this.#fullAtMs = clock.monotonic();
  }

  /** Takes a token and answers 0; where there is none, takes none and answers how many milliseconds it is until there is one. */
  take(): number {
    const nowMs = this.#clock.monotonic();
    const waitMs = this.#fullAtMs - this.#burstMs - nowMs;
    if (waitMs > 0) return waitMs;
    this.#fullAtMs = Math.max(this.#fullAtMs, nowMs) + this.#intervalMs;
    return 0;
  }
}
