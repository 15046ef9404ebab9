import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LatencySummary } from '../load/latency-histogram.ts';
import { type Cores, startPinned } from '../machine/pinned-process.ts';

const LOOK_MS = 20;

/** Which endpoints, by number, do not answer, and which answer 500. */
export interface Behaviour {
  readonly hanging: readonly number[];
  readonly failing: readonly number[];
}

/** What endpoints that answer 200 have received since the last `begin`. */
export interface ReceiverReport {
  /** Calls. */
  readonly received: number;
  /** Deliveries among them, by their ids. */
  readonly distinct: number;
  /** When the last of them came, by {@link clockMs}. */
  readonly lastAtMs: number;
  /** From `sentAtMs` in the payloads to their arrival. */
  readonly latency: LatencySummary;
  /** The last call as it came. */
  readonly sample: string;
}

/** Servers of customers, in a process of their own. */
export interface Receiver {
  /** Where an endpoint's calls go; those whose numbers differ by a multiple of the ports share one. */
  urlOf(endpoint: number): string;
  /** Counts from nothing. */
  begin(behaviour?: Behaviour): Promise<void>;
  look(): Promise<ReceiverReport>;
  /** Resolves when so many deliveries have come; throws when there are more, when one came twice, or when that takes too long. */
  until(deliveries: number, options: { timeoutMs: number; signal: AbortSignal }): Promise<ReceiverReport>;
  stop(): Promise<void>;
}

/** Milliseconds since 1970 with fractions, the same in all processes. */
export function clockMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Starts the receivers on some cores, each port an origin of its own. */
export async function startReceiver(options: { cores: Cores; ports: number }): Promise<Receiver> {
  const child = await startPinned({
    cores: options.cores,
    script: join(import.meta.dirname, 'receiver-child.ts'),
    args: [String(options.ports)],
    nodeOptions: ['--max-semi-space-size=64'],
  });
  // The other end of this channel is `receiver-child.ts`: its ports first, then a report for each command.
  const [message] = await once(child.channel, 'message', { signal: child.ended });
  const ports = message as readonly number[];
  const ask = async (command: Behaviour | 'look'): Promise<ReceiverReport> => {
    const answered = once(child.channel, 'message', { signal: child.ended });
    child.channel.send(command);
    const [report] = await answered;
    return report as ReceiverReport;
  };
  return {
    urlOf: (endpoint) => `http://127.0.0.1:${ports[endpoint % ports.length]}/${endpoint}`,
    begin: async (behaviour = { hanging: [], failing: [] }) => void (await ask(behaviour)),
    look: () => ask('look'),
    async until(deliveries, { timeoutMs, signal }) {
      const deadline = performance.now() + timeoutMs;
      for (;;) {
        signal.throwIfAborted();
        const report = await ask('look');
        const { received, distinct } = report;
        if (received > distinct) throw new Error(`${received - distinct} deliveries were made twice`);
        if (distinct === deliveries) return report;
        if (distinct > deliveries || performance.now() > deadline)
          throw new Error(`${deliveries} deliveries were due and ${distinct} came within ${timeoutMs} ms`);
        await sleep(LOOK_MS);
      }
    },
    stop: () => child.stop(),
  };
}
