import { once } from 'node:events';
import { join } from 'node:path';
import { type Cores, startPinned } from '../machine/pinned-process.ts';

/** The raw streaming insert, in a process of its own. */
export interface RawInserter {
  readonly pid: number;
  /** Aborts when the process has ended. */
  readonly ended: AbortSignal;
  /** Of its rows, encoded. */
  readonly bytes: number;
  insert(command: RawInsertCommand): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the raw inserter; resolves when it has its rows in memory. */
export async function startRawInserter(cores: Cores, target: RawInsertTarget): Promise<RawInserter> {
  const child = await startPinned({
    cores,
    script: join(import.meta.dirname, 'inserter.ts'),
    args: [JSON.stringify(target)],
    nodeOptions: ['--max-semi-space-size=64'],
  });
  const nextReport = async (): Promise<RawInsertReport> => {
    const [report] = await once(child.channel, 'message', { signal: child.ended });
    // The other end of this channel is `inserter.ts`.
    return report as RawInsertReport;
  };
  const loaded = await nextReport();
  if (loaded.kind !== 'loaded') throw new Error('the raw inserter has no rows');
  return {
    pid: child.pid,
    ended: child.ended,
    bytes: loaded.bytes,
    async insert(command) {
      const answer = nextReport();
      child.channel.send(command);
      const report = await answer;
      if (report.kind === 'failed') throw new Error(`the raw insert failed: ${report.reason}`);
    },
    stop: () => child.stop(),
  };
}

/** Where the raw inserter reads and inserts. */
export interface RawInsertTarget {
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly database: string;
  /** Rows of the events table that are taken as material. */
  readonly rows: number;
}

/** An insert of the material, as often as asked for. */
export interface RawInsertCommand {
  readonly repeats: number;
  /** Rows of a block, which becomes a part. */
  readonly blockRows: number;
}

/** What the raw inserter tells its parent. */
export type RawInsertReport =
  | { readonly kind: 'loaded'; readonly bytes: number }
  | { readonly kind: 'inserted' }
  | { readonly kind: 'failed'; readonly reason: string };
