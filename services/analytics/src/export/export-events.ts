import { addAbortSignal } from 'node:stream';
import { type Timestamp, timestampMs } from '@bufbuild/protobuf/wkt';
import { type ExportEventsRequest, ExportFormat } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { type Clock, fieldError, MillraceError } from '@millrace/runtime';
import { type ClickHouseClient, ENDS_WITH_CLIENT, loadSql, storeUnavailable } from '@millrace/stores';

/** Gives a workspace its events as one file, in pieces. */
export interface EventExport {
  /**
   * Begins with an empty piece when ClickHouse has begun. Reads no faster than the pieces are taken, and ends the query when nobody
   * takes them any more. Throws MillraceError `invalid_argument` naming the field, `resource_exhausted`, or `unavailable`, also in
   * the middle.
   */
  read(request: ExportEventsRequest, signal: AbortSignal): AsyncGenerator<Uint8Array>;
}

/** What exports tell of themselves. */
export interface ExportMetrics {
  /** Called once for each that has begun; what it returns is called once with its end. */
  began(format: ExportFormatName): (outcome: ExportOutcome) => void;
  /** Bytes that were given away. */
  sent(format: ExportFormatName, bytes: number): void;
}

/** How events are written, in a word. */
export type ExportFormatName = 'ndjson' | 'parquet';
/** How an export ended: whole, not taken to its end, or broken off. */
export type ExportOutcome = 'complete' | 'left' | 'failed';

const MAX_USER_ID_CHARS = 255;
/** The times that the column can hold. */
const LEAST_MS = 0;
const MOST_MS = Date.UTC(2200, 0, 1);

const TIMEOUT_SECONDS = 3_600;
const SETTINGS = {
  max_memory_usage: String(1024 ** 3),
  max_threads: 1,
  // In the order of the table's key nothing has to be sorted, and so nothing to be kept.
  optimize_read_in_order: 1,
  // What is not taken waits in one row group at most.
  output_format_parquet_row_group_size_bytes: String(16 * 1024 * 1024),
  ...ENDS_WITH_CLIENT,
} as const;

const sql = {
  ndjson: loadSql(import.meta.url, 'queries/ndjson.sql'),
  parquet: loadSql(import.meta.url, 'queries/parquet.sql'),
};

/** Makes the export over a client of its own: what is read slowly holds a connection for long. */
export function createEventExport(options: {
  client: ClickHouseClient;
  metrics: ExportMetrics;
  clock: Clock;
  /** Exports that run at once, and those of one workspace. */
  slots: { readonly total: number; readonly perWorkspace: number };
  /** Longest that an export may take; an hour if not told. */
  maxSeconds?: number;
}): EventExport {
  const { client, metrics, clock } = options;
  const enter = createDoor(options.slots);
  return {
    async *read(request, signal) {
      const params = paramsOf(request, clock.now());
      const leave = enter(params.workspaceId);
      const over = new AbortController();
      const format = request.format === ExportFormat.PARQUET ? 'parquet' : 'ndjson';
      const ended = metrics.began(format);
      // Whoever stops taking pieces ends the reading where it waits.
      let outcome: ExportOutcome = 'left';
      try {
        const abort_signal = AbortSignal.any([signal, over.signal]);
        const answer = client.exec({
          query: sql[format],
          query_params: params,
          use_multipart_params: true,
          clickhouse_settings: { ...SETTINGS, max_execution_time: options.maxSeconds ?? TIMEOUT_SECONDS },
          abort_signal,
        });
        const { stream } = await answer.catch((error: unknown) => {
          throw storeUnavailable(error);
        });
        // The client looks at its signal until there is an answer only.
        addAbortSignal(abort_signal, stream);
        try {
          yield new Uint8Array();
          for await (const piece of stream) {
            metrics.sent(format, piece.length);
            yield piece;
          }
          outcome = 'complete';
        } catch (error) {
          throw signal.aborted ? error : storeUnavailable(error);
        } finally {
          stream.destroy();
        }
      } catch (error) {
        if (!signal.aborted) outcome = 'failed';
        throw error;
      } finally {
        over.abort();
        leave();
        ended(outcome);
      }
    },
  };
}

function paramsOf(request: ExportEventsRequest, nowMs: number) {
  const { workspaceId, userId, from, to } = request;
  if (workspaceId === '') throw fieldError('workspace_id', 'is required');
  if (userId.length > MAX_USER_ID_CHARS)
    throw fieldError('user_id', `at most ${MAX_USER_ID_CHARS} characters`);
  const fromMs = within(from) ?? LEAST_MS;
  const toMs = within(to) ?? nowMs;
  if (from !== undefined && fromMs > toMs) throw fieldError('from', 'must not be after the end');
  return { workspaceId, userId, fromMs, toMs };
}

function within(time: Timestamp | undefined): number | undefined {
  return time && Math.min(Math.max(timestampMs(time), LEAST_MS), MOST_MS);
}

/** Lets so many in at once; others are told to come again. */
function createDoor({ total, perWorkspace }: { total: number; perWorkspace: number }) {
  const inside = new Map<string, number>();
  let all = 0;
  return (workspaceId: string): (() => void) => {
    const own = inside.get(workspaceId) ?? 0;
    if (own >= perWorkspace) {
      throw new MillraceError(
        'resource_exhausted',
        `a workspace has at most ${perWorkspace} exports at once`,
      );
    }
    if (all >= total) throw new MillraceError('unavailable', 'too many exports, try again');
    inside.set(workspaceId, own + 1);
    all++;
    return () => {
      all--;
      const left = (inside.get(workspaceId) ?? 1) - 1;
      if (left === 0) inside.delete(workspaceId);
      else inside.set(workspaceId, left);
    };
  };
}
