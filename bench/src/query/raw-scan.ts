import { readFileSync } from 'node:fs';
import type { ClickHouseClient } from '@millrace/stores';

const statements = ['raw-counts', 'raw-users', 'raw-uniques'].map((name) =>
  readFileSync(new URL(`sql/${name}.sql`, import.meta.url), 'utf8'),
);
const TIMEOUT_MS = 60_000;

/** The dashboard's figures from the rows alone, as somebody would ask who has no rollups. */
export function readRaw(
  client: ClickHouseClient,
  params: { workspaceId: string; fromMs: number; toMs: number },
): Promise<unknown> {
  return Promise.all(
    statements.map(async (query) => {
      const answer = await client.query({
        query,
        query_params: params,
        format: 'JSONCompactEachRow',
        clickhouse_settings: { optimize_use_projections: 0 },
        abort_signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      return answer.json();
    }),
  );
}
