import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { type Logger, MillraceError } from '@millrace/runtime';
import { ask, type ClickHouseClient, loadSql, storeUnavailable } from '@millrace/stores';
import { z } from 'zod';
import type { MigrationTarget } from './read-migrations.ts';

/** A term in which nobody else changes the schema. */
export interface Lease {
  /** Begins the query id of every statement of this term. */
  readonly queryIdPrefix: string;
  /** Throws `unavailable` when the term is over. A process that was paused learns it here, before its timers. */
  requireHeld(): void;
}

/** What {@link withLease} needs. */
export interface LeaseOptions {
  readonly client: ClickHouseClient;
  readonly target: MigrationTarget;
  readonly log: Logger;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds that a holder's silence is waited out. Default: 30 s. */
  readonly ttlMs?: number | undefined;
  /** Asked once another's term is over: whether there is anything left to do. */
  readonly isNeeded?: () => Promise<boolean>;
}

const TTL_MS = 30_000;
/** Longest that others are waited for; every statement of theirs is bounded too. */
const GIVE_UP_MS = 600_000;
const FIRST_WAIT_MS = 50;
const LONGEST_POLL_MS = 1_000;
const POLL_MS = 200;
const QUESTION_TIMEOUT_MS = 10_000;
const LEAST_TIMEOUT_MS = 2_000;
const FAILED_ATTEMPTS = 5;
const QUERY_ID_PREFIX = 'millrace-migration-';
/** The part of a term after which its holder stops, so that clocks of replicas may differ by the rest. */
const USABLE_PART = 0.8;

const leaseSql = loadSql(import.meta.url, 'queries/lease.sql');
const prolongSql = loadSql(import.meta.url, 'queries/prolong-lease.sql');
const runningSql = loadSql(import.meta.url, 'queries/running-statements.sql');
const leaseRow = z.object({ generation: z.coerce.number(), holder: z.string(), isHeld: z.coerce.boolean() });
const runningRow = z.object({ running: z.coerce.number() });

/** Settings without which a replica may answer from before an acknowledged insert. */
export function consistency({ cluster }: MigrationTarget) {
  return cluster === ''
    ? { inserts: { async_insert: 0 as const }, questions: {} }
    : {
        inserts: { async_insert: 0 as const, insert_quorum: 'auto', insert_quorum_parallel: 0 as const },
        questions: { select_sequential_consistency: '1' },
      };
}

/**
 * Does the work while nobody else does such work on this database, whichever process or replica they are.
 *
 * ClickHouse has no transactions, but it drops an insert whose token it has seen: of all who insert the grant of
 * the next generation, one row lands, and reading it back tells whose. A holder that died is waited out.
 * Resolves to undefined when others did the work meanwhile. Throws `unavailable` when the store doesn't answer or the
 * lease doesn't become free.
 */
export async function withLease<T>(
  options: LeaseOptions,
  work: (lease: Lease) => Promise<T>,
): Promise<T | undefined> {
  const term = await acquire(options);
  if (term === undefined) return undefined;
  const isHeld = () => performance.now() < term.usableUntilMs;
  const requireHeld = () => {
    if (isHeld()) return;
    throw new MillraceError('unavailable', 'the lease to change the schema could not be prolonged');
  };
  const ended = new AbortController();
  const prolonging = prolong(term, { options, ended: ended.signal, isHeld });
  try {
    await untilNothingRuns(options, requireHeld);
    requireHeld();
    return await work({
      queryIdPrefix: `${QUERY_ID_PREFIX}${term.generation}-`,
      requireHeld,
    });
  } finally {
    ended.abort();
    await prolonging;
    await release(term, options);
  }
}

interface Term {
  readonly generation: number;
  readonly holder: string;
  beat: number;
  /** By the monotonic clock of this process, counted from before the server was asked. */
  usableUntilMs: number;
}

async function acquire(options: LeaseOptions): Promise<Term | undefined> {
  const { signal, log, isNeeded, ttlMs = TTL_MS } = options;
  const holder = `${hostname()}/${process.pid}/${randomUUID()}`;
  const giveUpAtMs = performance.now() + GIVE_UP_MS;
  let waitsFor = '';
  let waitMs = FIRST_WAIT_MS;
  let failures = 0;
  let term: Term = { generation: 0, holder, beat: 0, usableUntilMs: 0 };
  // Above a generation whose grant is remembered and gone, as after a table was emptied.
  let answered = 0;
  for (;;) {
    signal?.throwIfAborted();
    const newest = await read(options);
    const isFree = newest?.isHeld !== true;
    if (!isFree && newest.holder === holder) return term;
    if (isFree) {
      if (waitsFor !== '' && isNeeded !== undefined && !(await isNeeded())) return undefined;
      const generation = Math.max(newest?.generation ?? 0, answered) + 1;
      // Asked for again, it may be the first request that lands.
      if (generation !== term.generation) {
        term = { generation, holder, beat: 0, usableUntilMs: performance.now() + ttlMs * USABLE_PART };
      }
      try {
        await write(term, options);
        answered = generation;
      } catch (error) {
        // Its outcome is unknown, as where a quorum was missed: the next look tells.
        failures++;
        if (failures === FAILED_ATTEMPTS) throw error;
        log.warn({ err: error }, 'the lease to change the schema could not be asked for');
      }
      const granted = await read(options);
      if (granted?.isHeld === true && granted.holder === holder) return term;
      waitsFor = granted?.holder ?? waitsFor;
    } else if (newest.holder !== waitsFor) {
      waitsFor = newest.holder;
      log.info({ holder: waitsFor }, 'waiting for another migration to end');
    }
    if (performance.now() > giveUpAtMs) {
      throw new MillraceError('unavailable', `the schema is being changed by ${waitsFor || 'somebody else'}`);
    }
    await delay(waitMs, undefined, signal === undefined ? {} : { signal });
    waitMs = Math.min(waitMs * 1.5, LONGEST_POLL_MS);
  }
}

async function prolong(
  term: Term,
  { options, ended, isHeld }: { options: LeaseOptions; ended: AbortSignal; isHeld: () => boolean },
): Promise<void> {
  const { ttlMs = TTL_MS } = options;
  for (;;) {
    try {
      await delay(ttlMs / 6, undefined, { signal: ended });
    } catch {
      return;
    }
    // Somebody else may have it by now: a term that is over is not begun anew.
    if (!isHeld()) return;
    const askedAtMs = performance.now();
    try {
      term.beat++;
      await write(term, options);
      term.usableUntilMs = askedAtMs + ttlMs * USABLE_PART;
    } catch (error) {
      options.log.warn({ err: error }, 'the lease to change the schema could not be prolonged, trying again');
    }
  }
}

async function release(term: Term, options: LeaseOptions): Promise<void> {
  if (performance.now() > term.usableUntilMs) return;
  try {
    term.beat++;
    await write(term, { ...options, ttlMs: 0 });
  } catch (error) {
    options.log.warn(
      { err: error },
      'the lease to change the schema ends by itself: it could not be given back',
    );
  }
}

/** Statements of a holder that died go on at the server for a while. */
async function untilNothingRuns(options: LeaseOptions, requireHeld: () => void): Promise<void> {
  for (;;) {
    requireHeld();
    const [row] = await ask(options.client, {
      sql: runningSql,
      params: { prefix: QUERY_ID_PREFIX },
      row: runningRow,
      timeoutMs: QUESTION_TIMEOUT_MS,
      signal: options.signal,
    });
    if (row?.running === 0) return;
    await delay(POLL_MS, undefined, options.signal === undefined ? {} : { signal: options.signal });
  }
}

async function read({ client, target, signal }: LeaseOptions) {
  const [row] = await ask(client, {
    sql: leaseSql,
    params: { database: target.database },
    row: leaseRow,
    timeoutMs: QUESTION_TIMEOUT_MS,
    signal,
    settings: consistency(target).questions,
  });
  return row;
}

async function write(term: Term, { client, target, ttlMs = TTL_MS }: LeaseOptions): Promise<void> {
  const { generation, holder, beat } = term;
  try {
    await client.command({
      query: prolongSql,
      query_params: { database: target.database, generation, holder, beat, forMs: ttlMs },
      abort_signal: AbortSignal.timeout(Math.min(QUESTION_TIMEOUT_MS, Math.max(ttlMs / 3, LEAST_TIMEOUT_MS))),
      clickhouse_settings: {
        ...consistency(target).inserts,
        // A grant has one token for all who ask for it, a prolongation belongs to its holder.
        insert_deduplication_token: beat === 0 ? `grant-${generation}` : `${holder}-${generation}-${beat}`,
        wait_end_of_query: 1,
      },
    });
  } catch (error) {
    throw storeUnavailable(error);
  }
}
