import { describeAim, type Spread, spreadOf } from '../comparison.ts';
import type { DuplicatesFigures } from '../ingest/duplicates-scenario.ts';
import type { HttpRound } from '../ingest/http-target.ts';
import type { MemoryFigures } from '../ingest/memory-scenario.ts';
import type { HttpFigures } from '../ingest/run-http-scenario.ts';
import { formatCount, formatTable } from './format-table.ts';

/** A server that leaves this much of its core unused was not what limited its figure. */
const SATURATED = 0.9;

/** Of the repeated ids, those that must be answered as duplicates. */
const LEAST_ANSWERED = 0.99;

/** Whether a scenario reached its figure; undefined when it has none. */
export function httpAimReached({ scenario, comparison }: HttpFigures): boolean | undefined {
  const { aim } = scenario;
  if (aim === undefined) return undefined;
  if (aim.of === 'ratio') return comparison.ratio.median >= aim.least;
  return spreadOf(comparison.ours.map((round) => round.rate)).median >= aim.least;
}

/** Renders what an HTTP scenario gave. */
export function describeHttp(figures: HttpFigures): string {
  const { scenario, comparison, cpuMicrosUntilStored, storedEvents } = figures;
  const { ratio, cpuRatio } = comparison;
  const rows = [
    ['', 'events/s', 'min–max', 'p50 ms', 'p99 ms', 'CPU µs/event', 'core busy'],
    sideRow('millrace', comparison.ours),
    sideRow('raw node:http', comparison.raw),
    [
      'ratio',
      ratio.median.toFixed(2),
      `${ratio.min.toFixed(2)}–${ratio.max.toFixed(2)}`,
      '',
      '',
      cpuRatio.median.toFixed(2),
    ],
  ];
  return [
    `${scenario.name}: ${scenario.title}, ${scenario.connections} connections\n`,
    formatTable(rows),
    describeAim(scenario.aim, httpAimReached(figures)),
    `  until stored: ${cpuMicrosUntilStored.median.toFixed(1)} µs of the measured process for each event, `,
    `${seconds(comparison.ours.map((round) => round.drainSeconds))} s of backlog after a round; `,
    `${formatCount(storedEvents)} accepted, as many in ClickHouse; `,
    `${figures.eventsPerMessage.toFixed(1)} events a message\n`,
    `  other processes: ${describeOthers(comparison.ours)}\n`,
    ...warnings(figures).map((warning) => `  note: ${warning}\n`),
  ].join('');
}

/** Whether every id has one row and enough of the repeats were told so. */
export function duplicatesAimReached({ rows, expectedRows, answeredDuplicate }: DuplicatesFigures): boolean {
  return rows === expectedRows && answeredDuplicate >= LEAST_ANSWERED;
}

/** Renders what the storm of duplicates gave. */
export function describeDuplicates(figures: DuplicatesFigures): string {
  const { round, rows, expectedRows, answeredDuplicate } = figures;
  return [
    `${figures.name}: ${figures.title}, 64 connections, standalone\n`,
    `  ${formatCount(round.rate)} requests/s, ${round.cpuMicros.toFixed(1)} µs of processor each; `,
    `${formatCount(rows)} rows of ${formatCount(expectedRows)}; `,
    `${(answeredDuplicate * 100).toFixed(2)} % of the repeats answered duplicate\n`,
    `  aim: one row an id, at least 99 % answered: ${duplicatesAimReached(figures) ? 'reached' : 'NOT reached'}\n`,
  ].join('');
}

/** Renders what the memory scenario gave. */
export function describeMemory(figures: MemoryFigures): string {
  const rows = [
    ['events', ...figures.steps.map(({ events }) => formatCount(events))],
    ['RSS MiB', ...figures.steps.map(({ bytes }) => mebibytes(bytes))],
  ];
  return [
    `${figures.name}: ${figures.title}, ${formatCount(figures.eventsPerSecond)} events/s\n`,
    formatTable(rows),
    `  peak ${mebibytes(figures.peakBytes)} MiB, ${mebibytes(figures.drainedBytes)} MiB when all was stored; `,
    `last quarter over second: ${figures.growth.toFixed(2)}\n`,
    `  aim: at most 1.10: ${figures.isFlat ? 'reached' : 'NOT reached'}\n`,
  ].join('');
}

function sideRow(name: string, rounds: readonly HttpRound[]): string[] {
  const rate = spreadOf(rounds.map((round) => round.rate));
  return [
    name,
    formatCount(rate.median),
    `${formatCount(rate.min)}–${formatCount(rate.max)}`,
    millis(rounds.map((round) => round.latency.p50)),
    millis(rounds.map((round) => round.latency.p99)),
    spreadOf(rounds.map((round) => round.cpuMicros)).median.toFixed(1),
    percent(spreadOf(rounds.map((round) => round.busy))),
  ];
}

function warnings({ comparison }: HttpFigures): string[] {
  const found: string[] = [];
  const refused = comparison.ours.flatMap((round) =>
    Object.entries(round.statuses).filter(([status]) => status !== '202'),
  );
  if (refused.length > 0) {
    found.push(
      `not every request was answered 202: ${refused.map(([status, n]) => `${n} × ${status}`).join(', ')}`,
    );
  }
  for (const [name, rounds] of [
    ['millrace', comparison.ours],
    ['raw node:http', comparison.raw],
  ] as const) {
    const busy = spreadOf(rounds.map((round) => round.busy)).median;
    if (busy < SATURATED) {
      found.push(`${name} used ${Math.round(busy * 100)} % of its core: something else limited it`);
    }
  }
  return found;
}

function describeOthers(rounds: readonly HttpRound[]): string {
  const names = Object.keys(rounds[0]?.busyOf ?? {});
  return names
    .map((name) => `${name} ${percent(spreadOf(rounds.map((round) => round.busyOf[name] ?? 0)))}`)
    .join(', ');
}

function millis(micros: readonly number[]): string {
  return (spreadOf(micros).median / 1000).toFixed(1);
}

function seconds(values: readonly number[]): string {
  return spreadOf(values).median.toFixed(1);
}

function percent({ median }: Spread): string {
  return `${Math.round(median * 100)} %`;
}

function mebibytes(bytes: number): string {
  return formatCount(bytes / 2 ** 20);
}
