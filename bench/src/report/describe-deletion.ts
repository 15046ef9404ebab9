import type { DeletionFigures } from '../query/deletion-scenario.ts';
import { formatCount, formatTable } from './format-table.ts';

const MIB = 1024 ** 2;

/** Renders what deletions took. */
export function describeDeletion(figures: DeletionFigures): string {
  const { name, rows, rawSeconds, rounds } = figures;
  const lines = rounds.map(({ events, parts, bytes, seconds, isKilled }) => [
    isKilled ? 'ClickHouse killed in the middle' : 'undisturbed',
    formatCount(events),
    String(parts),
    (bytes / MIB).toFixed(0),
    seconds.toFixed(0),
    (seconds / rawSeconds).toFixed(1),
  ]);
  return [
    `${name}: one user of ${formatCount(rows)} events\n`,
    formatTable([['', 'events', 'parts', 'their MiB', 'seconds', 'of raw'], ...lines]),
    `  raw is reading all columns of the table once, ${rawSeconds.toFixed(1)} s; nothing of the users was left anywhere, and projections agree with the rows\n`,
  ].join('');
}
