import { MillraceError } from '@millrace/runtime';
import { z } from 'zod';
import type { NatsConnection } from '../connect.ts';
import { openBucket } from '../kv/bucket.ts';

const cursors = z.object({
  /** The stream that the sequences are of: another one in its place counts from 1 again. */
  stream: z.string(),
  /** Where the shared reader stood: everything up to this sequence was offered to all that are at the head. */
  head: z.number(),
  /** By endpoint: everything up to this sequence is done with; null for the head. */
  endpoints: z.record(z.string(), z.number().nullable()),
  /** By endpoint that does not work: since when nothing has succeeded, in milliseconds since 1970. */
  failing: z.record(z.string(), z.number()),
});

/** How far the endpoints of a group have come. */
export type GroupCursors = Readonly<z.output<typeof cursors>>;

/** The cursors of all endpoints, a record for each group. Throws MillraceError `unavailable`. */
export interface Cursors {
  read(group: number): Promise<{ cursors: GroupCursors; revision: number } | undefined>;
  /**
   * Writes a group's, over the revision that was read or written last; 0 for none. Returns the new revision, or undefined when
   * another has written meanwhile: whoever is told so has lost the group.
   */
  write(group: number, cursors: GroupCursors, revision: number): Promise<number | undefined>;
}

/** Groups of endpoints: what a lease is for, and what a record of cursors is kept for. */
export const ENDPOINT_GROUPS = 64;

/** Opens them. */
export async function openCursors(options: {
  connection: NatsConnection;
  /** Copies of each record: 3 in a cluster, 1 otherwise. */
  replicas: number;
}): Promise<Cursors> {
  const bucket = await openBucket(options.connection, {
    name: 'webhook-cursors',
    replicas: options.replicas,
  });
  return {
    async read(group) {
      const stored = await bucket.get(String(group));
      if (stored === undefined) return undefined;
      try {
        const parsed = cursors.parse(JSON.parse(Buffer.from(stored.bytes).toString('utf8')));
        return { cursors: parsed, revision: stored.revision };
      } catch (cause) {
        throw new MillraceError('internal', `the cursors of group ${group} can not be read`, { cause });
      }
    },
    async write(group, value, revision) {
      const bytes = Buffer.from(JSON.stringify(value));
      const outcome =
        revision === 0
          ? await bucket.create(String(group), bytes)
          : await bucket.update(String(group), bytes, revision);
      return outcome.kind === 'written' ? outcome.revision : undefined;
    },
  };
}
