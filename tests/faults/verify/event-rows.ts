import type { Connection } from '@millrace/embedded';
import { createInspector, type Inspector } from '@millrace/testkit';

/** The events table as a verifier sees it. */
export interface EventRows {
  /** The harness's id of every row, duplicates included; read from the rows themselves, not from a projection. */
  ids(): Promise<string[]>;
  /** How many event ids begin so. */
  countOf(prefix: string): Promise<number>;
  /** Rows by the table and by each aggregate projection, and distinct event ids. */
  counts(): Promise<RowCounts>;
  close(): Promise<void>;
}

/** How many rows each view of the same parts counts. */
export interface RowCounts {
  readonly base: number;
  readonly distinctEventIds: number;
  readonly byType: number;
  readonly byPosition: number;
  readonly byUser: number;
  readonly deadLetters: number;
}

const faultId = `if(dialect = 'email', JSONExtractString(metadata, 'fault'), JSONExtractString(payload, 'fault'))`;
const fromRows = 'SETTINGS optimize_use_projections = 0, optimize_trivial_count_query = 0';

/** Opens the events of a stack with the user that may read every table. */
export function openEventRows({ clickhouse }: Connection): EventRows {
  const inspector = createInspector(clickhouse);
  return {
    async ids() {
      const [row] = await inspector.rows(`SELECT groupArray(${faultId}) AS ids FROM events ${fromRows}`);
      const ids = row?.['ids'];
      if (!Array.isArray(ids)) throw new Error('the ids of the events could not be read');
      return ids.map(String);
    },
    countOf: (prefix) =>
      count(
        inspector,
        `SELECT uniqExact(event_id) AS n FROM events WHERE startsWith(event_id, {prefix:String}) ${fromRows}`,
        { prefix },
      ),
    counts: async () => ({
      base: await count(inspector, `SELECT count() AS n FROM events ${fromRows}`),
      distinctEventIds: await count(inspector, `SELECT uniqExact(event_id) AS n FROM events ${fromRows}`),
      byType: await count(inspector, projected('p_type')),
      byPosition: await count(inspector, projected('p_pos')),
      byUser: await count(inspector, projected('p_user')),
      deadLetters: await count(inspector, 'SELECT count() AS n FROM dead_letters FINAL'),
    }),
    close: () => inspector.close(),
  };
}

function projected(projection: string): string {
  return `SELECT countMerge(\`count()\`) AS n FROM mergeTreeProjection(millrace, events, ${projection})`;
}

async function count(
  inspector: Inspector,
  sql: string,
  params: Record<string, string> = {},
): Promise<number> {
  const [row] = await inspector.rows(sql, params);
  return Number(row?.['n']);
}
