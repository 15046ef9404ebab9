import { fromBinary } from '@bufbuild/protobuf';
import { DeadLetterSchema } from '@millrace/contracts/millrace/ingest/v1/ingest';
import { ask, type ClickHouseClient, loadSql, type StreamErasing } from '@millrace/stores';
import { readEvent } from '@millrace/wire';
import { z } from 'zod';
import { beginMutation } from '../begin-mutation.ts';

const TIMEOUT_MS = 60_000;

const sql = {
  expired: loadSql(import.meta.url, 'queries/expired-letters.sql'),
  deleteChanges: loadSql(import.meta.url, 'queries/delete-letter-changes.sql'),
  deleteLetters: loadSql(import.meta.url, 'queries/delete-letters.sql'),
};
const expiredRow = z.object({
  workspaceId: z.string(),
  shard: z.coerce.number(),
  expired: z.coerce.number(),
  lastExpired: z.coerce.number(),
  firstKept: z.coerce.number(),
});

/** What expired letters are deleted with. */
export interface ExpiredLetterDeps {
  readonly client: ClickHouseClient;
  readonly stream: Pick<StreamErasing, 'deleteDeadLetters'>;
}

/**
 * Deletes the dead letters that workspaces keep no longer, each with what was decided about it; answers how many. `cutMs` has each
 * workspace's oldest time to keep, `batch` names the mutations. Whatever is cut off is found by the next pass: the table goes last.
 */
export async function deleteExpiredLetters(
  { client, stream }: ExpiredLetterDeps,
  { batch, cutMs }: { batch: string; cutMs: ReadonlyMap<string, number> },
  signal: AbortSignal,
): Promise<number> {
  const params = { batch, workspaceIds: [...cutMs.keys()], beforeMs: [...cutMs.values()] };
  const rows = await ask(client, {
    sql: sql.expired,
    params,
    row: expiredRow,
    timeoutMs: TIMEOUT_MS,
    signal,
  });
  if (rows.length === 0) return 0;
  const newest = Math.max(...cutMs.values());
  await stream.deleteDeadLetters((message) => isExpired(message, cutMs), signal, newest);
  const ofChanges = {
    batch,
    letterWorkspaceIds: rows.map(({ workspaceId }) => workspaceId),
    shards: rows.map(({ shard }) => shard),
    // Changes have no time of their letter's. Letters are parked by position, but for repeats after a crash: none that is kept loses its own.
    lastSeqs: rows.map(({ lastExpired, firstKept }) =>
      firstKept === 0 ? lastExpired : Math.min(lastExpired, firstKept - 1),
    ),
  };
  await beginMutation(client, sql.deleteChanges, { params: ofChanges, timeoutMs: TIMEOUT_MS });
  await beginMutation(client, sql.deleteLetters, { params, timeoutMs: TIMEOUT_MS });
  return rows.reduce((sum, { expired }) => sum + expired, 0);
}

/** The same of a message of the stream `DEAD_LETTERS`; a whole message that was parked is nobody's. */
function isExpired(message: Buffer, cutMs: ReadonlyMap<string, number>): boolean {
  const { reason, body, parkedAtMs } = fromBinary(DeadLetterSchema, message);
  if (reason === 'malformed_envelope') return false;
  const { workspaceId } = readEvent(Buffer.from(body.buffer, body.byteOffset, body.byteLength));
  return Number(parkedAtMs) < (cutMs.get(workspaceId) ?? 0);
}
