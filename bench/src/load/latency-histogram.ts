/** Half of the buckets of each power of two: a value is known to within 1/64. */
const SUB_BUCKETS = 64;
const BUCKETS = 26 * SUB_BUCKETS + SUB_BUCKETS;

/** Percentiles of a histogram, in microseconds; 0 when nothing was recorded. */
export interface LatencySummary {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** Counts durations in buckets whose width grows with the value, so that memory stays the same however many come. */
export class LatencyHistogram {
  readonly #counts = new Float64Array(BUCKETS);
  #total = 0;
  #max = 0;

  /** Adds a duration in microseconds. */
  record(microseconds: number): void {
    const value = microseconds >>> 0;
    const shift = value < 2 * SUB_BUCKETS ? 0 : 25 - Math.clz32(value);
    const bucket = shift * SUB_BUCKETS + (value >>> shift);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#total++;
    if (value > this.#max) this.#max = value;
  }

  /** The duration that this share of all (0 to 1) doesn't exceed. */
  percentile(share: number): number {
    const wanted = Math.ceil(this.#total * share);
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket] ?? 0;
      if (seen >= wanted && seen > 0) return Math.min(highestIn(bucket), this.#max);
    }
    return 0;
  }

  summary(): LatencySummary {
    return {
      p50: this.percentile(0.5),
      p95: this.percentile(0.95),
      p99: this.percentile(0.99),
      max: this.#max,
    };
  }
}

function highestIn(bucket: number): number {
  if (bucket < 2 * SUB_BUCKETS) return bucket;
  const shift = Math.floor(bucket / SUB_BUCKETS) - 1;
  return (bucket - shift * SUB_BUCKETS + 1) * 2 ** shift - 1;
}
