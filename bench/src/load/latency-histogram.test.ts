import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LatencyHistogram } from './latency-histogram.ts';

test('an empty histogram answers 0', () => {
  assert.deepEqual(new LatencyHistogram().summary(), { p50: 0, p95: 0, p99: 0, max: 0 });
});

test('percentiles are exact for small values', () => {
  const histogram = new LatencyHistogram();
  for (let value = 1; value <= 100; value++) histogram.record(value);
  assert.deepEqual(histogram.summary(), { p50: 50, p95: 95, p99: 99, max: 100 });
});

test('percentiles of large values are at most 1/64 too high', () => {
  const histogram = new LatencyHistogram();
  for (let value = 1; value <= 100_000; value++) histogram.record(value * 37);
  for (const share of [0.01, 0.5, 0.9, 0.99, 0.999]) {
    const exact = 100_000 * share * 37;
    const found = histogram.percentile(share);
    assert.ok(found >= exact && found <= exact * (1 + 1 / 64), `${share}: ${found} for ${exact}`);
  }
});

test('every magnitude up to an hour has a bucket', () => {
  for (let value = 1; value < 3_600_000_000; value = Math.ceil(value * 1.7)) {
    const histogram = new LatencyHistogram();
    histogram.record(value);
    assert.equal(histogram.percentile(0.5), value);
  }
});
