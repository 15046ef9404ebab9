import { type ClickHouseSettings, isRefusal } from '@millrace/stores';

/** A rollup as something to select from. */
interface RollupTable {
  /** The projection itself. Throws in ClickHouse where a part of the table lacks it. */
  readonly direct: string;
  /** The same rows asked of the table, where ClickHouse looks for the projection part by part. */
  readonly planned: string;
}

const ROLLUPS: Readonly<Record<string, RollupTable>> = {
  types_by_quarter: {
    direct: projection(
      'p_type',
      'workspace_id, `toStartOfFifteenMinutes(received_at)` AS quarter, event_type, finalizeAggregation(`count()`) AS n',
    ),
    planned: `(
    SELECT workspace_id, toStartOfFifteenMinutes(received_at) AS quarter, event_type, count() AS n
    FROM events
    GROUP BY workspace_id, quarter, event_type
)`,
  },
  users_by_hour: {
    direct: projection(
      'p_user',
      'workspace_id, `toStartOfHour(received_at)` AS hour, user_h, session_h, finalizeAggregation(`count()`) AS n',
    ),
    planned: `(
    SELECT workspace_id, toStartOfHour(received_at) AS hour, user_h, session_h, count() AS n
    FROM events
    GROUP BY workspace_id, hour, user_h, session_h
)`,
  },
};

/** For a statement that reads rollups directly, and may read the table beside them. */
const DIRECT: ClickHouseSettings = {
  // To look through the projections takes 10 to 15 ms of processor time each time that a statement names the table.
  optimize_use_projections: 0,
  // Else a projection is looked for among the columns of the table that is read beside it.
  enable_shared_storage_snapshot_in_query: 0,
};

function projection(name: string, columns: string): string {
  // A part that lacks a projection would answer nothing through it, without a word. The inner SELECT is asked before the outer one is
  // planned; as a condition of the rows it would be met by none.
  return `(
    SELECT ${columns}
    FROM mergeTreeProjection(currentDatabase(), 'events', '${name}')
    WHERE (
        SELECT throwIf(count() > 0) FROM system.parts
        WHERE database = currentDatabase() AND table = 'events' AND active AND NOT has(projections, '${name}')
    ) = 0
)`;
}

/**
 * Asks a statement that selects from `{{types_by_quarter}}` (workspace_id, quarter, event_type, n) or `{{users_by_hour}}` (workspace_id,
 * hour, user_h, session_h, n). A key may come in several rows: their `n` are to be added. Read directly where that can be done, and as
 * ClickHouse plans it elsewhere, to the same result. Not for projections in another order: read directly, their key finds nothing fast.
 */
export async function askRollups<T>(
  sql: string,
  ask: (sql: string, settings: ClickHouseSettings) => Promise<T>,
): Promise<T> {
  try {
    return await ask(fillIn(sql, 'direct'), DIRECT);
  } catch (error) {
    // A part lacks the projection or has a broken one, or the server doesn't know the function.
    if (!isRefusal(error)) throw error;
    return ask(fillIn(sql, 'planned'), {});
  }
}

function fillIn(sql: string, way: keyof RollupTable): string {
  return sql.replaceAll(/\{\{(\w+)\}\}/g, (placeholder, name: string) => ROLLUPS[name]?.[way] ?? placeholder);
}
