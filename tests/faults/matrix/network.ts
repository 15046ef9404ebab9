import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@millrace/testkit';
import type { ProxyMode, TcpProxy } from '../proxy/tcp-proxy.ts';
import type { Fault, FaultContext, Setup } from './fault.ts';
import { splitWithRedis, standalone } from './setups.ts';

type Link = 'nats' | 'clickhouse';

const setups: readonly Setup[] = [standalone, splitWithRedis];
const resetsPerRound = 8;
const dropsPerRound = 5;

/** What a network does between the services and their stores. */
export const networkFaults: readonly Fault[] = (['nats', 'clickhouse'] as const).flatMap((link) => [
  {
    name: `${link}-reset`,
    setups,
    async inject(context) {
      for (let count = 0; count < resetsPerRound; count++) {
        proxyOf(context, link).reset();
        await sleep(Math.random() * 400);
      }
    },
  },
  {
    name: `${link}-drop-acks`,
    setups,
    async inject(context) {
      for (let count = 0; count < dropsPerRound; count++) {
        await during(context, link, { kind: 'drop-answers' }, 50 + Math.random() * 300);
        await sleep(Math.random() * 600);
      }
    },
  },
  { name: `${link}-freeze`, setups, inject: (context) => during(context, link, { kind: 'freeze' }, 4_000) },
  {
    name: `${link}-black-hole`,
    setups,
    inject: (context) => during(context, link, { kind: 'black-hole' }, 7_500),
  },
  {
    name: `${link}-slow`,
    setups,
    inject: (context) =>
      link === 'nats'
        ? during(context, link, { kind: 'slow', delayMs: 300 }, 4_000)
        : during(context, link, { kind: 'slow', delayMs: 2_000 }, 12_000),
  },
]);

/** An insert that the network delivers after its writer was killed and its successor has stored the same events. */
export const lateInsert: Fault = {
  name: 'clickhouse-late-insert',
  setups,
  async inject(context) {
    const proxy = context.stack.clickHouseProxy;
    const writer = context.stack.connection().mode === 'split' ? 'ingest-writer' : 'standalone';
    proxy.setMode({ kind: 'hold', from: isInsert });
    await eventually(() => assertWholeInsert(proxy.heldBytes()), { timeoutMs: 10_000, intervalMs: 5 });
    context.stack.signal(writer, 'SIGKILL');
    proxy.passNew();
    // Long enough for the successor to start, take the lease and insert.
    await sleep(8_000);
    proxy.heal();
    await sleep(1_000);
  },
};

async function during(context: FaultContext, link: Link, mode: ProxyMode, ms: number): Promise<void> {
  const proxy = proxyOf(context, link);
  proxy.setMode(mode);
  await sleep(ms);
  proxy.heal();
}

function proxyOf({ stack }: FaultContext, link: Link): TcpProxy {
  return link === 'nats' ? stack.natsProxy : stack.clickHouseProxy;
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
