import { setTimeout as sleep } from 'node:timers/promises';
import type { ProxyMode, TcpProxy } from '../proxy/tcp-proxy.ts';
import type { Fault, FaultContext, Setup } from './fault.ts';
import { splitWithRedis, standalone } from './fault.ts';

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

async function during(context: FaultContext, link: Link, mode: ProxyMode, ms: number): Promise<void> {
  const proxy = proxyOf(context, link);
  proxy.setMode(mode);
  await sleep(ms);
  proxy.heal();
}

function proxyOf({ stack }: FaultContext, link: Link): TcpProxy {
  return link === 'nats' ? stack.natsProxy : stack.clickHouseProxy;
}
