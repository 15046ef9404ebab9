import { setTimeout as delay } from 'node:timers/promises';
import { type Clock, type Logger, MillraceError } from '@millrace/runtime';
import type { EventTable, InsertOutcome, Lease } from '@millrace/stores';
import { encodeRows, type PropertyPlan, type Row } from '@millrace/wire';

/** What came of trying to store rows. */
export type BatchOutcome =
  /** The rows, and nothing else, are stored behind the position. */
  | { readonly kind: 'stored' }
  /** Nothing was stored: these rows must be put aside first. */
  | ({ readonly kind: 'refused' } & Refusal)
  /** The shard is somewhere else: another process inserts, or the rows were deleted. Start over from what is there. */
  | { readonly kind: 'overtaken'; readonly position: number };

/** What an insert follows. */
export interface Follows {
  /** The highest `_seq` that ClickHouse ever held for the shard. */
  readonly stored: number;
  readonly month: number;
}

/** The right to insert. */
export type Ownership = Pick<Lease, 'valid' | 'lost'>;

/** Stores rows once. Rejects when the right to insert is lost. */
export type InsertBatch = (
  rows: readonly Row[],
  follows: Follows,
  ownership: Ownership,
) => Promise<BatchOutcome>;

/** Called at named points of a batch's life, so that a test can stop the process right there. */
export type Failpoint = (
  name: 'before-insert' | 'after-insert' | 'after-position' | 'after-parking',
) => Promise<void> | void;

const INSERT_TIMEOUT_MS = 60_000;
const SETTLE_LOOK_MS = 50;
/** ClickHouse gives a request up when nothing comes for 30 s; a query that runs for longer is not ours to wait for. */
const SETTLE_MS = 45_000;

/**
 * Inserts rows so that they are stored once, whatever happens on the way. The token names what the rows follow: of
 * two processes that start from the same position only one can commit, and a repeat does nothing. Whether it is
 * stored is never taken from the answer but read back.
 */
export function createBatchInserter(options: {
  table: EventTable;
  shard: number;
  /** Begins the id of every insert of this shard, whoever runs it. */
  queryIdPrefix: string;
  owner: string;
  /** Which properties of a workspace's events get columns of their own. */
  propertiesOf: (workspaceId: string) => PropertyPlan | undefined;
  failpoint: Failpoint;
  clock: Clock;
  log: Logger;
}): InsertBatch {
  const { table, shard, clock, log, failpoint } = options;
  const encode = (rows: readonly Row[], month: number) =>
    encodeRows(rows, shard, month, options.propertiesOf);
  let counter = 0;
  /** How many tokens of a position ClickHouse knows without having rows for them. */
  let spent = { stored: -1, tokens: 0 };
  const spentAt = (stored: number) => (spent.stored === stored ? spent.tokens : 0);

  /** Returns undefined when the outcome isn't known. */
  const attempt = async (rows: readonly Row[], follows: Follows, queryId: string, signal: AbortSignal) => {
    try {
      return await table.insert({
        body: encode(rows, follows.month),
        token: tokenOf(shard, follows.stored, spentAt(follows.stored)),
        queryId,
        timeoutMs: INSERT_TIMEOUT_MS,
        signal,
      });
    } catch (error) {
      log.warn(
        { shard, queryId, rows: rows.length, err: error },
        'insert failed or its outcome is not known',
      );
      return undefined;
    }
  };

  const tryRead = async (rows: readonly Row[], follows: Follows, signal: AbortSignal) => {
    const call = () => table.tryRead(encode(rows, follows.month));
    return persist({ what: 'trial read', call, signal, log });
  };

  return async (rows, follows, ownership) => {
    const signal = ownership.lost;
    const newest = rows.at(-1)?.seq ?? 0;
    for (let failures = 0; ; failures++) {
      const queryId = `${options.queryIdPrefix}${options.owner}-${counter++}`;
      await failpoint('before-insert');
      if (!ownership.valid) throw new MillraceError('aborted', 'the lease ran out before an insert');
      const outcome: InsertOutcome | undefined = await attempt(rows, follows, queryId, signal);
      await failpoint('after-insert');
      if (outcome?.kind !== 'answered') await settle(table, queryId, { clock, signal, log });
      const position = await persist({ what: 'position', call: () => table.position(shard), signal, log });
      await failpoint('after-position');
      if (position === newest) return { kind: 'stored' };
      // A floor may lie above what is left in the table, so below it nothing has changed either.
      if (outcome?.kind === 'answered' && position <= follows.stored && !table.isReplicated) {
        spent = { stored: follows.stored, tokens: spentAt(follows.stored) + 1 };
        log.error({ shard, queryId, ...spent }, 'ClickHouse takes rows for known that it does not have');
      }
      if (position > follows.stored || outcome?.kind === 'answered') return { kind: 'overtaken', position };
      if (outcome?.kind === 'unreadable') {
        const refusal = await findRefusedRows(rows, (part) => tryRead(part, follows, signal));
        if (refusal.refused.length > 0) return { kind: 'refused', ...refusal };
      }
      await delay(Math.min(100 * 2 ** failures, 5_000), undefined, { signal });
    }
  };
}

/**
 * A ClickHouse without replication that is killed may have noted a token and lost the rows (they are written down one after the other,
 * under one lock): whoever sends it again is answered as if they were there, so nobody can store anything under it any more. From
 * a place that is still the same after everything was looked at anew, all go on under the same next one.
 */
function tokenOf(shard: number, stored: number, spent: number): string {
  return spent === 0 ? `${shard}:${stored}` : `${shard}:${stored}:${spent}`;
}

/** Waits until an insert that was given up no longer runs, so that the position can't move under the next one. */
async function settle(
  table: EventTable,
  queryId: string,
  options: { clock: Clock; signal: AbortSignal; log: Logger },
): Promise<void> {
  const { clock, signal, log } = options;
  const giveUpAt = clock.monotonic() + SETTLE_MS;
  const call = () => table.runningInserts(queryId);
  while ((await persist({ what: 'running inserts', call, signal, log })) > 0) {
    if (clock.monotonic() >= giveUpAt) {
      // Its token is this batch's own: if it commits after all, the repeat does nothing, and the other way round.
      log.warn({ queryId }, 'an insert still runs, going on without it');
      return;
    }
    await delay(SETTLE_LOOK_MS, undefined, { signal });
  }
}

/** A row that ClickHouse can't read, and what it says about it. */
interface RefusedRow {
  readonly row: Row;
  readonly detail: string;
}

/** What trial reads told about rows. */
interface Refusal {
  readonly refused: readonly RefusedRow[];
  /** Rows that are known to be good or bad. */
  readonly tried: number;
}

/** Trial reads for one failed insert: enough for dozens of rows in the largest batch. What is left shows next time. */
const MAX_TRIAL_READS = 1_000;
/** So many rows tell whether it is most of them. */
const TELLING_ROWS = 100;

/**
 * Finds the rows that ClickHouse refuses, by halves: about log2(rows) trial reads for each, of which there is a bound.
 * Ends early when most rows turn out to be bad. None is found when the complaint was about the way and not the rows.
 */
export async function findRefusedRows(
  rows: readonly Row[],
  tryRead: (rows: readonly Row[]) => Promise<InsertOutcome>,
): Promise<Refusal> {
  const refused: RefusedRow[] = [];
  const parts: (readonly Row[])[] = [rows];
  let tried = 0;
  for (let reads = 0; reads < MAX_TRIAL_READS; reads++) {
    const part = parts.pop();
    const [first] = part ?? [];
    if (part === undefined || first === undefined) break;
    const outcome = await tryRead(part);
    if (outcome.kind === 'answered') tried += part.length;
    else if (part.length === 1) {
      tried++;
      refused.push({ row: first, detail: outcome.detail });
      if (tried >= TELLING_ROWS && refused.length * 2 > tried) break;
    } else {
      const middle = part.length >> 1;
      parts.push(part.slice(middle), part.slice(0, middle));
    }
  }
  return { refused, tried };
}

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5_000;

/**
 * Repeats a call to a store until it answers: a writer has nothing better to do than to wait.
 * Waits from 100 ms, doubling, to 5 s. Rejects only when the signal aborts.
 */
export async function persist<T>(options: {
  /** What is done, for the log: logged once, at the first failure. */
  what: string;
  call: () => Promise<T>;
  signal: AbortSignal;
  log: Logger;
}): Promise<T> {
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    options.signal.throwIfAborted();
    try {
      return await options.call();
    } catch (error) {
      if (waitMs === FIRST_WAIT_MS)
        options.log.warn({ what: options.what, err: error }, 'store does not answer');
      else options.log.debug({ what: options.what, err: error }, 'store still does not answer');
    }
    await delay(waitMs, undefined, { signal: options.signal });
  }
}

/** Waits; cut short, and no failure, when the signal aborts: that is how a writer is closed. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    if (!(error instanceof Error && error.name === 'AbortError')) throw error;
  }
}

/**
 * So many refused rows in a run of batches that were refused for the most part are no odd events: the table or the
 * contract is not what it was. Parking them would put aside everything that comes.
 */
const SYSTEMATIC_ROWS = 20;

/** Refused rows of the latest batches, while most of their rows were refused. */
export interface Refusals {
  run: number;
}

/** Whether it is most rows, again and again; counts what was refused. */
export function isSystematic(
  refusals: Refusals,
  { refused, tried }: { refused: readonly unknown[]; tried: number },
): boolean {
  if (refused.length * 2 <= tried) {
    refusals.run = 0;
    return false;
  }
  if (refusals.run + refused.length >= SYSTEMATIC_ROWS) return true;
  refusals.run += refused.length;
  return false;
}
