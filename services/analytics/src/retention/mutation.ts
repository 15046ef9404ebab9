import { type ClickHouseClient, storeUnavailable } from '@millrace/stores';

/** Until a mutation is taken, in milliseconds: not until it is done. */
export const MUTATION_TIMEOUT_MS = 60_000;

/** Has rows rewritten in the background. Throws MillraceError `unavailable`. */
export async function beginMutation(
  client: ClickHouseClient,
  query: string,
  query_params: Record<string, unknown>,
): Promise<void> {
  try {
    await client.command({
      query,
      query_params,
      use_multipart_params: true,
      clickhouse_settings: { mutations_sync: '0' },
      abort_signal: AbortSignal.timeout(MUTATION_TIMEOUT_MS),
    });
  } catch (error) {
    throw storeUnavailable(error);
  }
}
