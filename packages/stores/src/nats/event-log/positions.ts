import { waitWithin } from '@millrace/runtime';
import { z } from 'zod';
import type { NatsConnection } from '../connect.ts';
import { openBucket } from '../kv/bucket.ts';

/** How far a reader of a shard has come. */
export interface ReaderPosition {
  /** Everything up to here is done with: nobody needs it from the stream any more. */
  readonly seq: number;
  /** The writer only: the highest `_seq` that was ever stored. */
  readonly stored?: number | undefined;
  /** The writer only: when the stream took the first message behind `stored`, if it is done with. */
  readonly afterStoredAt?: string | undefined;
}

/** The positions of all readers, in the KV bucket `positions` under `<shard>.<reader>`. */
export interface Positions {
  read(shard: number, reader: string): Promise<ReaderPosition | undefined>;
  /** Writes a position that is further than the one written before; an older one changes nothing. */
  raise(shard: number, reader: string, position: ReaderPosition): Promise<void>;
  /** The least position of a shard's readers; 0 while it has none. */
  least(shard: number): Promise<number>;
}

const BUCKET = 'positions';
const REQUEST_TIMEOUT_MS = 5_000;

const stored = z.object({
  seq: z.number(),
  stored: z.number().optional(),
  afterStoredAt: z.string().optional(),
});

/** Opens the positions; a reader that has written one holds back the trimmer until it has passed. */
export async function openPositions(options: {
  connection: NatsConnection;
  replicas: number;
}): Promise<Positions> {
  const { connection, replicas } = options;
  const bucket = await openBucket(connection, { name: BUCKET, replicas });
  const manager = await waitWithin(connection.startup, 'JetStream', () =>
    connection.jetstreamManager({ timeout: REQUEST_TIMEOUT_MS }),
  );
  const read = async (key: string) => {
    const entry = await bucket.get(key);
    if (!entry) return undefined;
    return { ...stored.parse(JSON.parse(Buffer.from(entry.bytes).toString())), revision: entry.revision };
  };
  return {
    read: (shard, reader) => read(`${shard}.${reader}`),
    async raise(shard, reader, position) {
      const key = `${shard}.${reader}`;
      for (;;) {
        const before = await read(key);
        if (before && !isFurther(position, before)) return;
        const bytes = Buffer.from(JSON.stringify(position));
        const outcome = before
          ? await bucket.update(key, bytes, before.revision)
          : await bucket.create(key, bytes);
        if (outcome.kind === 'written') return;
      }
    },
    async least(shard) {
      // Not kv.keys(): it may end before its last keys, and the reader left out would lose its messages.
      const prefix = `$KV.${BUCKET}.`;
      const { state } = await manager.streams.info(`KV_${BUCKET}`, {
        subjects_filter: `${prefix}${shard}.>`,
      });
      const seqs: number[] = [];
      for (const subject of Object.keys(state.subjects ?? {})) {
        const position = await read(subject.slice(prefix.length));
        if (position) seqs.push(position.seq);
      }
      return seqs.length === 0 ? 0 : Math.min(...seqs);
    },
  };
}

/** What is stored decides first: a writer that was overtaken may have read on, but knows less. */
function isFurther(position: ReaderPosition, before: ReaderPosition): boolean {
  const storedMore = (position.stored ?? 0) - (before.stored ?? 0);
  return storedMore > 0 || (storedMore === 0 && position.seq > before.seq);
}
