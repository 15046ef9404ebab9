import { Counter, collectDefaultMetrics, Gauge, type Histogram, Registry } from 'prom-client';

/** A prom-client registry with Node's own metrics and `millrace_build_info`. */
export type MetricsRegistry = Registry;

/** Makes the registry of one process. */
export function createMetricsRegistry(options: { service: string; version: string }): MetricsRegistry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'millrace_build_info',
    help: 'Always 1; the labels say what runs.',
    labelNames: ['service', 'version', 'node'],
    registers: [registry],
  }).set({ service: options.service, version: options.version, node: process.version }, 1);
  return registry;
}

/** One series of a counter. */
export interface CounterSeries {
  add(count?: number): void;
}

/** A counter that hot code advances as a plain number; the registry reads it when scraped. */
export interface PlainCounter {
  /** `labels` are the values in the order of `labelNames`. */
  add(labels: readonly string[], count?: number): void;
  /** The series of these labels, for code that would otherwise look it up on every request. */
  series(labels: readonly string[]): CounterSeries;
}

/** Declares a counter whose increments cost a map look-up, or nothing, instead of prom-client's label hashing. */
export function counterFrom(options: {
  registry: MetricsRegistry;
  name: string;
  help: string;
  labelNames: readonly string[];
}): PlainCounter {
  const all = new Map<
    string,
    CounterSeries & { readonly labels: readonly string[]; readonly count: number }
  >();
  new Counter({
    name: options.name,
    help: options.help,
    labelNames: options.labelNames,
    registers: [options.registry],
    collect() {
      this.reset();
      if (options.labelNames.length === 0) this.inc(all.get('')?.count ?? 0);
      for (const { labels, count } of all.values()) {
        if (labels.length === 0) continue;
        this.inc(Object.fromEntries(options.labelNames.map((name, i) => [name, labels[i] ?? ''])), count);
      }
    },
  });
  const series = (labels: readonly string[]) => {
    const key = labels.join('\u0000');
    let one = all.get(key);
    if (!one) {
      one = {
        labels,
        count: 0,
        add(count = 1) {
          // Only the series itself counts up.
          (this as { count: number }).count += count;
        },
      };
      all.set(key, one);
    }
    return one;
  };
  return { add: (labels, count) => series(labels).add(count), series };
}

/** A histogram that hot code feeds without prom-client's label hashing. */
export interface PlainHistogram {
  /** The series of these labels, which are the values in the order of `labelNames`. */
  series(labels: readonly string[]): HistogramSeries;
}

/** One series of a histogram. */
interface HistogramSeries {
  observe(value: number): void;
}

interface Series extends HistogramSeries {
  readonly labels: Record<string, string>;
  /** One count a bucket, the last for values above every bound. */
  readonly counts: number[];
  sum: number;
}

/** Declares a histogram whose observations cost a short search; the registry reads it when scraped. */
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
    series(labels) {
      const key = labels.join('\u0000');
      const known = all.get(key);
      if (known) return known;
      const counts = new Array<number>(buckets.length + 1).fill(0);
      const made: Series = {
        labels: Object.fromEntries(options.labelNames.map((label, i) => [label, labels[i] ?? ''])),
        counts,
        sum: 0,
        observe(value) {
          let bucket = 0;
          while (bucket < buckets.length && value > (buckets[bucket] ?? 0)) bucket++;
          counts[bucket] = (counts[bucket] ?? 0) + 1;
          this.sum += value;
        },
      };
      all.set(key, made);
      return made;
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
