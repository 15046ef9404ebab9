import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';

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

/** A counter that hot code advances as a plain number; the registry reads it when scraped. */
export interface PlainCounter {
  add(labels: readonly string[], count?: number): void;
}

/**
 * Declares a counter whose increments cost a map look-up instead of prom-client's label hashing.
 * `labels` are the values in the order of `labelNames`.
 */
export function counterFrom(options: {
  registry: MetricsRegistry;
  name: string;
  help: string;
  labelNames: readonly string[];
}): PlainCounter {
  const series = new Map<string, { labels: readonly string[]; count: number }>();
  new Counter({
    name: options.name,
    help: options.help,
    labelNames: options.labelNames,
    registers: [options.registry],
    collect() {
      this.reset();
      if (options.labelNames.length === 0) this.inc(series.get('')?.count ?? 0);
      for (const { labels, count } of series.values()) {
        if (labels.length > 0)
          this.inc(Object.fromEntries(options.labelNames.map((name, i) => [name, labels[i] ?? ''])), count);
      }
    },
  });
  return {
    add(labels, count = 1) {
      const key = labels.length === 1 ? (labels[0] ?? '') : labels.join('\u0000');
      const entry = series.get(key);
      if (entry) entry.count += count;
      else series.set(key, { labels, count });
    },
  };
}
