import type { MemoryFigures } from '../ingest/memory-scenario.ts';
import { formatCount, formatTable } from './format-table.ts';

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

function mebibytes(bytes: number): string {
  return formatCount(bytes / 2 ** 20);
}
