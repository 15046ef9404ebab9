import type { DuplicatesFigures } from '../ingest/duplicates-scenario.ts';
import { formatCount } from './format-table.ts';

/** Of the repeated ids, those that must be answered as duplicates. */
const LEAST_ANSWERED = 0.99;

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
