import { type ClickHouseClient, storeUnavailable } from '@millrace/stores';

/** Has rows rewritten in the background; resolves when ClickHouse has taken it, not when it is done. Throws MillraceError `unavailable`. */
export async function beginMutation(
  client: ClickHouseClient,
  query: string,
  options: { params: Record<string, unknown>; timeoutMs: number },
): Promise<void> {
  try {
    await client.command({
      query,
      query_params: options.params,
      use_multipart_params: true,
      clickhouse_settings: { mutations_sync: '0' },
      abort_signal: AbortSignal.timeout(options.timeoutMs),
    });
  } catch (error) {
    throw storeUnavailable(error);
  }
}
