import { setTimeout as sleep } from 'node:timers/promises';
import { createInspector, eventually } from '@millrace/testkit';
import type { Fault, FaultContext } from './fault.ts';
import { split, splitWithRedis, standalone } from './fault.ts';
import { writerAtWork } from './writer-at-work.ts';

// A successor starts, takes the lease, and inserts what the first one had in hand.
const successionTimeoutMs = 60_000;

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
  const inspector = createInspector(stack.connection().clickhouse);
  const countRows = async () => {
    const [row] = await inspector.rows('SELECT toUInt32(count()) AS n FROM events');
    return Number(row?.['n']);
  };
  try {
    // Every insert is held, so what is stored from now on is the successor's, which begins with the same events.
    const before = await countRows();
    stack.clickHouseProxy.setMode({ kind: 'pass' });
    await eventually(
      async () => {
        if ((await countRows()) === before) throw new Error('no successor has stored anything');
      },
      { timeoutMs: successionTimeoutMs, intervalMs: 100 },
    );
  } finally {
    await inspector.close();
  }
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
