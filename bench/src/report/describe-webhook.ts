import { describeAim, type Round, spreadOf } from '../comparison.ts';
import type { LatencySummary } from '../load/latency-histogram.ts';
import type { FairnessFigures } from '../webhook/fairness-scenario.ts';
import type { DeliveryLatencyFigures } from '../webhook/latency-scenario.ts';
import type { EndpointMemory, EndpointMemoryFigures } from '../webhook/memory-scenario.ts';
import type { ThroughputFigures } from '../webhook/throughput-scenario.ts';
import { formatCount, formatTable } from './format-table.ts';

/** What the scenarios of deliveries gave. */
export type WebhookFigures =
  | ThroughputFigures
  | DeliveryLatencyFigures
  | FairnessFigures
  | EndpointMemoryFigures;

/** Whether a scenario of deliveries reached its figure. */
export function webhookAimReached(figures: WebhookFigures): boolean {
  switch (figures.kind) {
    case 'webhook-throughput':
      return figures.comparison.ratio.median >= figures.leastRatio;
    case 'webhook-latency':
      return middleOf(figures.rounds, 'p95') / 1_000 <= figures.mostP95Ms;
    case 'webhook-fairness':
      return figures.ratio.median <= figures.mostRatio;
    case 'webhook-memory':
      return figures.ratio <= figures.mostRatio;
  }
}

/** Renders what a scenario of deliveries gave. */
export function describeWebhook(figures: WebhookFigures): string {
  switch (figures.kind) {
    case 'webhook-throughput':
      return describeThroughput(figures);
    case 'webhook-latency':
      return describeLatency(figures);
    case 'webhook-fairness':
      return describeFairness(figures);
    case 'webhook-memory':
      return describeMemory(figures);
  }
}

function describeThroughput(figures: ThroughputFigures): string {
  const { ratio, cpuRatio, ours, raw } = figures.comparison;
  const title = `a backlog of ${formatCount(figures.deliveriesPerRound)} deliveries to ${figures.endpoints} endpoints of one origin`;
  return [
    `${figures.name}: ${title}; undici posts the same bytes, ${figures.inFlight} at once\n`,
    formatTable([
      ['', 'deliveries/s', 'min–max', 'CPU µs each', 'core busy'],
      sideRow('dispatcher', ours),
      sideRow('undici', raw),
      ['ratio', fixed(ratio.median), `${fixed(ratio.min)}–${fixed(ratio.max)}`, fixed(cpuRatio.median)],
    ]),
    describeAim({ of: 'ratio', least: figures.leastRatio }, webhookAimReached(figures)),
  ].join('');
}

function describeLatency(figures: DeliveryLatencyFigures): string {
  const { name, deliveriesPerSecond, endpoints, rounds, mostP95Ms } = figures;
  return [
    `${name}: ${deliveriesPerSecond} deliveries/s to ${endpoints} endpoints, from posting an event to its arrival, ms\n`,
    formatTable([LATENCY_HEAD, latencyRow('median of rounds', rounds)]),
    mostAim('p95 in ms', mostP95Ms, webhookAimReached(figures)),
  ].join('');
}

function describeFairness(figures: FairnessFigures): string {
  const { name, endpoints, hanging, failing, deliveriesPerSecond, ratio, mostRatio } = figures;
  return [
    `${name}: ${deliveriesPerSecond} deliveries/s to ${endpoints} endpoints, from posting an event to its arrival where it arrives, ms\n`,
    formatTable([
      LATENCY_HEAD,
      latencyRow('none bad', figures.withoutBad),
      latencyRow(`${hanging} hanging, ${failing} failing`, figures.withBad),
      ['ratio of p99', '', '', fixed(ratio.median), `${fixed(ratio.min)}–${fixed(ratio.max)}`],
    ]),
    mostAim('ratio', mostRatio, webhookAimReached(figures)),
  ].join('');
}

function describeMemory(figures: EndpointMemoryFigures): string {
  const { name, deliveriesPerSecond, few, many, ratio, mostRatio } = figures;
  const row = ({ endpoints, idleBytes, busyBytes }: EndpointMemory) => [
    `${formatCount(endpoints)} endpoints`,
    formatCount(idleBytes / 2 ** 20),
    formatCount(busyBytes / 2 ** 20),
  ];
  return [
    `${name}: resident memory of the dispatcher, idle and at ${deliveriesPerSecond} deliveries/s, MiB\n`,
    formatTable([
      ['', 'idle', 'busy'],
      row(few),
      row(many),
      ['ratio', fixed(many.idleBytes / few.idleBytes), fixed(ratio)],
    ]),
    mostAim('ratio while busy', mostRatio, webhookAimReached(figures)),
  ].join('');
}

const LATENCY_HEAD = ['', 'p50', 'p95', 'p99', 'max'];

function latencyRow(name: string, rounds: readonly LatencySummary[]): string[] {
  const ms = (of: keyof LatencySummary) => (middleOf(rounds, of) / 1_000).toFixed(1);
  return [name, ms('p50'), ms('p95'), ms('p99'), ms('max')];
}

function sideRow(name: string, rounds: readonly Round[]): string[] {
  const rate = spreadOf(rounds.map((round) => round.rate));
  return [
    name,
    formatCount(rate.median),
    `${formatCount(rate.min)}–${formatCount(rate.max)}`,
    spreadOf(rounds.map(({ cpuMicros }) => cpuMicros)).median.toFixed(0),
    `${Math.round(spreadOf(rounds.map(({ busy }) => busy)).median * 100)} %`,
  ];
}

function middleOf(rounds: readonly LatencySummary[], of: keyof LatencySummary): number {
  return spreadOf(rounds.map((round) => round[of])).median;
}

function mostAim(of: string, most: number, isReached: boolean): string {
  return `  aim: ${of} of at most ${most.toLocaleString('en')}: ${isReached ? 'reached' : 'NOT reached'}\n`;
}

function fixed(value: number): string {
  return value.toFixed(2);
}
