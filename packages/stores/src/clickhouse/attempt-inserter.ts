import { createHash } from 'node:crypto';
import type { ClickHouseClient, ClickHouseSettings } from '@clickhouse/client';
import { storeUnavailable } from './query.ts';
import { createRowBinary } from './row-binary.ts';
import { AS_ONE_PART, sendRows } from './send-rows.ts';

/** One call of a delivery, and one row of `millrace.webhook_attempts`. */
export interface AttemptRow {
  readonly workspaceId: string;
  readonly endpointId: string;
  readonly deliveryId: string;
  readonly eventId: string;
  readonly eventType: string;
  /** Whose event it was; empty for nobody's. */
  readonly userId: string;
  /** When the delivery was attempted first: the same for all of its attempts. */
  readonly createdAtMs: number;
  /** When the event arrived, as the event has it: it is found by that. */
  readonly receivedAtMs: number;
  /** From 1, at most 65,535. */
  readonly attempt: number;
  readonly startedAtMs: number;
  readonly tookMs: number;
  /** 0 when there was none. */
  readonly httpStatus: number;
  /** Empty when it succeeded. */
  readonly error: string;
  /** The first bytes of the answer, at most 16 KiB, as they came. */
  readonly response: Buffer;
  /** What was dialled, `198.51.100.7:443`; empty when nothing was. */
  readonly address: string;
  /** Where it went: a URL, or the name of a workflow or queue. */
  readonly url: string;
  readonly cause: 'event' | 'resend' | 'replay' | 'test';
  /** Where the delivery stands behind this attempt. */
  readonly deliveryStatus: 'pending' | 'sent' | 'failed';
  readonly nextAttemptAtMs: number | undefined;
  /** The event's data, where the event isn't stored: of tests. */
  readonly payload?: Buffer | undefined;
  /** The event's place in the stream; zeros for a test. */
  readonly shard: number;
  readonly seq: number;
  readonly index: number;
}

/** Stores attempts. */
export interface AttemptInserter {
  /**
   * Stores the rows, in inserts of at most 10,000 rows and some 32 MiB. Repeating a call with the same rows changes nothing, whether or
   * not it failed. Throws MillraceError `unavailable` when ClickHouse doesn't confirm within 30 s an insert; some may have happened then.
   */
  insert(rows: readonly AttemptRow[], signal?: AbortSignal): Promise<void>;
}

const MAX_ROWS = 10_000;
const MAX_BYTES = 32 * 1024 * 1024;
const TIMEOUT_MS = 30_000;

/** No acknowledged insert is on one replica only; nobody reads attempts in the order of their inserts, so they needn't wait for each other. */
const ON_MOST_REPLICAS: ClickHouseSettings = { insert_quorum: 'auto' };

/** In the order in which `encode` writes them. */
const COLUMNS = [
  ...['workspace_id', 'endpoint_id', 'delivery_id', 'event_id', 'event_type', 'user_id', 'created_at'],
  ...[
    'received_at',
    'attempt',
    'started_at',
    'took_ms',
    'http_status',
    'error',
    'response',
    'address',
    'url',
  ],
  ...['cause', 'delivery_status', 'next_attempt_at', 'payload', '_shard', '_seq', '_index'],
].join(', ');

/** The inserter of `<database>.webhook_attempts`; its user needs nothing but the right to insert there. */
export function createAttemptInserter(options: {
  client: ClickHouseClient;
  database: string;
  /** Whether the table has replicas. */
  replicated?: boolean;
}): AttemptInserter {
  const { client, database, replicated = false } = options;
  // A response is any bytes, which no text format carries.
  const query = `INSERT INTO ${database}.webhook_attempts (${COLUMNS}) FORMAT RowBinary`;
  const settings = { ...AS_ONE_PART, ...(replicated ? ON_MOST_REPLICAS : {}) };
  return {
    async insert(rows, signal) {
      for (const body of batches(rows)) {
        const token = createHash('sha256').update(body).digest('hex');
        try {
          await sendRows(client, {
            ...{ query, body: [body], timeoutMs: TIMEOUT_MS, signal },
            settings: { ...settings, insert_deduplication_token: token },
          });
        } catch (error) {
          throw storeUnavailable(error);
        }
      }
    },
  };
}

/** The same rows always make the same batches: the token of a batch is the hash of its bytes. */
function* batches(rows: readonly AttemptRow[]): Generator<Buffer> {
  const batch = createRowBinary();
  let count = 0;
  for (const row of rows) {
    encode(batch, row);
    count++;
    if (count < MAX_ROWS && batch.bytes < MAX_BYTES) continue;
    yield batch.take();
    count = 0;
  }
  if (count > 0) yield batch.take();
}

function encode(to: ReturnType<typeof createRowBinary>, row: AttemptRow): void {
  to.text(row.workspaceId);
  to.text(row.endpointId);
  to.text(row.deliveryId);
  to.text(row.eventId);
  to.text(row.eventType);
  to.text(row.userId);
  to.int64(row.createdAtMs);
  to.int64(row.receivedAtMs);
  to.uint16(row.attempt);
  to.int64(row.startedAtMs);
  to.uint32(Math.round(row.tookMs));
  to.uint16(row.httpStatus);
  to.text(row.error);
  to.text(row.response);
  to.text(row.address);
  to.text(row.url);
  to.text(row.cause);
  to.text(row.deliveryStatus);
  to.nullable(row.nextAttemptAtMs, to.int64);
  to.text(row.payload ?? '');
  to.uint32(row.shard);
  to.int64(row.seq);
  to.uint32(row.index);
}
