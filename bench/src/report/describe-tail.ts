import { spreadOf } from '../comparison.ts';
import type { TailFigures, TailRound } from '../tail/tail-scenario.ts';
import { formatCount, formatTable } from './format-table.ts';

/** Whether ingest went on as without readers and memory stayed flat; undefined when there is no figure to reach. */
export function tailAimReached({ scenario, comparison, growth }: TailFigures): boolean | undefined {
  const { aim } = scenario;
  return aim && comparison.ratio.median >= aim.leastRatio && growth <= aim.mostGrowth;
}

/** Renders what the ingest beside readers gave. */
export function describeTail(figures: TailFigures): string {
  const { scenario, comparison, readers, shown, growth } = figures;
  const { ratio, cpuRatio } = comparison;
  const rows = [
    ['', 'events/s', 'min–max', 'p50 ms', 'p99 ms', 'CPU µs/event', 'core busy', 'RSS MiB'],
    sideRow('with readers', comparison.ours),
    sideRow('without', comparison.raw),
    [
      'ratio',
      ratio.median.toFixed(2),
      `${ratio.min.toFixed(2)}–${ratio.max.toFixed(2)}`,
      '',
      '',
      cpuRatio.median.toFixed(2),
    ],
  ];
  const { aim } = scenario;
  const reached = tailAimReached(figures) ? 'reached' : 'NOT reached';
  return [
    `${scenario.name}: ${scenario.title} in batches, with and without ${formatCount(readers)} tails, standalone\n`,
    formatTable(rows),
    `  ${formatCount(shown)} events were shown, as many as had to be; memory after the last round over the first: ${growth.toFixed(2)}\n`,
    aim === undefined
      ? ''
      : `  aim: ratio of at least ${aim.leastRatio}, memory at most ${aim.mostGrowth.toFixed(2)}: ${reached}\n`,
  ].join('');
}

function sideRow(name: string, rounds: readonly TailRound[]): string[] {
  const middle = (value: (round: TailRound) => number) => spreadOf(rounds.map(value)).median;
  const rate = spreadOf(rounds.map((round) => round.rate));
  return [
    name,
    formatCount(rate.median),
    `${formatCount(rate.min)}–${formatCount(rate.max)}`,
    (middle(({ latency }) => latency.p50) / 1000).toFixed(1),
    (middle(({ latency }) => latency.p99) / 1000).toFixed(1),
    middle(({ cpuMicros }) => cpuMicros).toFixed(1),
    `${Math.round(middle(({ busy }) => busy) * 100)} %`,
    formatCount(middle(({ residentBytes }) => residentBytes) / 2 ** 20),
  ];
}
