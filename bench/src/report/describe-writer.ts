import { describeAim, spreadOf } from '../comparison.ts';
import type { WriterRound } from '../writer/measure-arrival.ts';
import type { WriterFigures } from '../writer/writer-scenario.ts';
import { formatCount, formatTable } from './format-table.ts';

/** Whether the writer reached its figure. */
export function writerAimReached({ scenario, comparison }: WriterFigures): boolean {
  return comparison.ratio.median >= scenario.aim.least;
}

/** Renders what a writer scenario gave. */
export function describeWriter(figures: WriterFigures): string {
  const { scenario, comparison } = figures;
  const { ratio } = comparison;
  const rows = [
    ['', 'rows/s', 'min–max', 'CPU µs/row', 'core busy', 'ClickHouse µs/row'],
    sideRow('writer', comparison.ours),
    sideRow('raw insert', comparison.raw),
    ['ratio', ratio.median.toFixed(2), `${ratio.min.toFixed(2)}–${ratio.max.toFixed(2)}`],
  ];
  return [
    `${scenario.name}: ${scenario.title}\n`,
    formatTable(rows),
    describeAim(scenario.aim, writerAimReached(figures)),
    `  ${formatCount(figures.rowsPerRound)} rows a round, ${formatCount(figures.rowsPerInsert)} an insert, `,
    `${Math.round(figures.bytesPerRow)} bytes each\n`,
  ].join('');
}

function sideRow(name: string, rounds: readonly WriterRound[]): string[] {
  const rate = spreadOf(rounds.map((round) => round.rate));
  return [
    name,
    formatCount(rate.median),
    `${formatCount(rate.min)}–${formatCount(rate.max)}`,
    spreadOf(rounds.map((round) => round.cpuMicros)).median.toFixed(2),
    `${Math.round(spreadOf(rounds.map((round) => round.busy)).median * 100)} %`,
    spreadOf(rounds.map((round) => round.clickHouseMicros)).median.toFixed(2),
  ];
}
