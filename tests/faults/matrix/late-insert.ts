import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@millrace/testkit';
import type { Fault, FaultContext } from './fault.ts';
import { split, splitWithRedis, standalone } from './fault.ts';
import { writerAtWork } from './writer-at-work.ts';

// Long enough for a successor to start, take the lease, and insert what the first one had in hand.
const successionMs = 8_000;

/** An insert that the network delivers after its writer was killed and its successor has stored the same events. */
export const lateInsert: Fault = {
  name: 'clickhouse-late-insert',
  setups: [standalone, splitWithRedis],
  async inject(context) {
    await holdInsert(context);
    context.stack.signal(writerAtWork(context), 'SIGKILL');
    await deliverLate(context);
  },
};

/** The same while the writer sleeps: it wakes when another has stored its events, and its insert arrives then. */
export const lateInsertOfPaused: Fault = {
  name: 'clickhouse-late-insert-of-paused',
  setups: [split, splitWithRedis],
  extraWriters: 1,
  async inject(context) {
    const writer = writerAtWork(context);
    await holdInsert(context);
    context.stack.signal(writer, 'SIGSTOP');
    await deliverLate(context);
    if (writerAtWork(context) === writer) throw new Error('the standby did not take over');
    context.stack.signal(writer, 'SIGCONT');
    await sleep(1_000);
  },
};

async function holdInsert({ stack }: FaultContext): Promise<void> {
  const proxy = stack.clickHouseProxy;
  proxy.setMode({ kind: 'hold', from: isInsert });
  await eventually(() => assertWholeInsert(proxy.heldBytes()), { timeoutMs: 10_000, intervalMs: 5 });
}

async function deliverLate({ stack }: FaultContext): Promise<void> {
  stack.clickHouseProxy.setMode({ kind: 'pass' });
  await sleep(successionMs);
  stack.clickHouseProxy.heal();
  await sleep(1_000);
}

/** The statement is a part of the request's address. */
function isInsert(chunk: Buffer): boolean {
  return /^POST [^ ]*INSERT(%20|\+)INTO/.test(chunk.toString('latin1', 0, 8_192)) && chunk.includes('events');
}

/** A chunked HTTP request ends with a chunk of no length. */
function assertWholeInsert(held: readonly Buffer[]): void {
  const isWhole = (bytes: Buffer) => bytes.subarray(-5).toString('latin1') === '0\r\n\r\n';
  if (!held.some(isWhole)) throw new Error('no insert was held back');
}
