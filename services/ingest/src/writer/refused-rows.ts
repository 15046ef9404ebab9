import type { ReadOutcome } from './ports.ts';
import type { Row } from './row-encoder.ts';

/** A row that ClickHouse can't read, and what it says about it. */
export interface RefusedRow {
  readonly row: Row;
  readonly detail: string;
}

/**
 * Finds the rows that ClickHouse refuses, by halves: about log2(rows) trial reads for each.
 * None is found when the complaint was about the way and not about the rows.
 */
export async function findRefusedRows(
  rows: readonly Row[],
  tryRead: (rows: readonly Row[]) => Promise<ReadOutcome>,
): Promise<RefusedRow[]> {
  const outcome = await tryRead(rows);
  if (outcome.kind === 'answered') return [];
  const [only] = rows;
  if (only === undefined) return [];
  if (rows.length === 1) return [{ row: only, detail: outcome.detail }];
  const middle = rows.length >> 1;
  return [
    ...(await findRefusedRows(rows.slice(0, middle), tryRead)),
    ...(await findRefusedRows(rows.slice(middle), tryRead)),
  ];
}
