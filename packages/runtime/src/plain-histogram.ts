import type { Histogram } from 'prom-client';
import type { MetricsRegistry } from './metrics.ts';

/** A histogram that hot code feeds without prom-client's label hashing. */
export interface PlainHistogram {
  /** `labels` are the values in the order of `labelNames`. */
  observe(labels: readonly string[], value: number): void;
}

interface Series {
  readonly labels: Record<string, string>;
  /** One count a bucket, the last for values above every bound. */
  readonly counts: number[];
  sum: number;
}

/** Declares a histogram whose observations cost a map look-up and a short search; the registry reads it when scraped. */
export function histogramFrom(options: {
  registry: MetricsRegistry;
  name: string;
  help: string;
  labelNames: readonly string[];
  /** Upper bounds, ascending. */
  buckets: readonly number[];
}): PlainHistogram {
  const { name, help, buckets } = options;
  const all = new Map<string, Series>();
  const metric = {
    name,
    get: async () => ({
      name,
      help,
      type: 'histogram',
      aggregator: 'sum',
      values: [...all.values()].flatMap((series) => values(name, buckets, series)),
    }),
  };
  // The registry only ever reads a metric's `name` and `get`.
  options.registry.registerMetric(metric as unknown as Histogram);
  return {
    observe(labels, value) {
      const key = labels.length === 1 ? (labels[0] ?? '') : labels.join('\u0000');
      let series = all.get(key);
      if (!series) {
        const named = Object.fromEntries(options.labelNames.map((label, i) => [label, labels[i] ?? '']));
        series = { labels: named, counts: new Array<number>(buckets.length + 1).fill(0), sum: 0 };
        all.set(key, series);
      }
      let bucket = 0;
      while (bucket < buckets.length && value > (buckets[bucket] ?? 0)) bucket++;
      series.counts[bucket] = (series.counts[bucket] ?? 0) + 1;
      series.sum += value;
    },
  };
}

function values(name: string, buckets: readonly number[], { labels, counts, sum }: Series) {
  let total = 0;
  const cumulative = counts.map((count, i) => {
    total += count;
    const le = i < buckets.length ? String(buckets[i]) : '+Inf';
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: total };
  });
  return [
    ...cumulative,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: total },
  ];
}
