import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '@millrace/runtime';
import type { LogReader } from '@millrace/stores';
import { addMessage, type Batch, beginBatch } from './batch.ts';

/** How batches are cut. */
export interface BatchLimits {
  readonly rows: number;
  readonly bytes: number;
  /** Longest that an event waits for others, in milliseconds. */
  readonly waitMs: number;
}

/** Below it a lone event is stored almost at once; an insert costs about as much as waiting so long. */
const LEAST_WAIT_MS = 50;
/** So many rows in a batch make it worth waiting as long as allowed. */
const WORTH_WAITING_ROWS = 5_000;
/** Rows to unpack before other work of the process gets its turn. */
const TURN_ROWS = 1_000;
const LOOK_MS = 250;

/** How long the next batch may gather, from what the last one brought: little at low load, more the more there is. */
export function gatheringMs(lastRows: number, limits: BatchLimits): number {
  const wait = (limits.waitMs * lastRows) / WORTH_WAITING_ROWS;
  return Math.min(limits.waitMs, Math.max(LEAST_WAIT_MS, wait));
}

/**
 * Gathers whole messages until there are enough rows or the first has waited long enough.
 * `undefined` when `until` aborts before there is a message.
 */
export async function collectBatch(options: {
  reader: LogReader;
  limits: BatchLimits;
  waitMs: number;
  until: AbortSignal;
  clock: Clock;
}): Promise<Batch | undefined> {
  const { reader, limits, until, clock } = options;
  let first = reader.take();
  while (first === undefined) {
    if (until.aborted) return undefined;
    await reader.wait(LOOK_MS, until);
    first = reader.take();
  }
  const sendAt = clock.monotonic() + options.waitMs;
  const batch = beginBatch(first);
  let nextTurn = TURN_ROWS;
  while (batch.rows.length < limits.rows && batch.bytes < limits.bytes) {
    const message = reader.take();
    if (message) {
      addMessage(batch, message);
      if (batch.rows.length < nextTurn) continue;
      nextTurn = batch.rows.length + TURN_ROWS;
      await turn();
      continue;
    }
    const leftMs = sendAt - clock.monotonic();
    if (leftMs <= 0 || until.aborted) break;
    await reader.wait(leftMs, until);
  }
  return batch;
}
