import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cores, startPinned } from '../machine/pinned-process.ts';
import type { TailWishes } from './watch-tails.ts';

/** Readers of tails, in a process of their own. */
export interface TailReaders {
  /** Resolves when each of them has begun. */
  open(wishes: TailWishes): Promise<void>;
  /** Resolves when exactly so many events have come; throws when others did, or when a tail has ended. */
  until(events: number, options: { timeoutMs: number; signal: AbortSignal }): Promise<void>;
  close(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the process of the readers on some cores. */
export async function startTailReaders(cores: Cores): Promise<TailReaders> {
  const child = await startPinned({ cores, script: join(import.meta.dirname, 'readers-child.ts') });
  const ask = async (command: ReadersCommand) => {
    const answer = once(child.channel, 'message', { signal: child.ended });
    child.channel.send(command);
    const [message] = await answer;
    // The other end of this channel is `readers-child.ts`.
    const report = message as ReadersReport;
    if (report.kind === 'failed') throw new Error(`the readers failed: ${report.reason}`);
    return report;
  };
  return {
    open: async (wishes) => void (await ask({ kind: 'open', wishes })),
    async until(expected, { timeoutMs, signal }) {
      const deadline = performance.now() + timeoutMs;
      for (;;) {
        signal.throwIfAborted();
        const { events, ended } = await ask({ kind: 'look' });
        if (ended > 0) throw new Error(`${ended} tails ended`);
        if (events === expected) return;
        if (events > expected || performance.now() > deadline) {
          throw new Error(`the readers should have seen ${expected} events and saw ${events}`);
        }
        await sleep(50);
      }
    },
    close: async () => void (await ask({ kind: 'close' })),
    stop: () => child.stop(),
  };
}

/** What the process of the readers is told. */
export type ReadersCommand =
  | { readonly kind: 'open'; readonly wishes: TailWishes }
  | { readonly kind: 'look' }
  | { readonly kind: 'close' };

/** What it tells: once for each command. */
export type ReadersReport =
  | { readonly kind: 'seen'; readonly events: number; readonly ended: number }
  | { readonly kind: 'failed'; readonly reason: string };
