import { setTimeout as delay } from 'node:timers/promises';
import { type Clock, type Logger, toMillraceError } from '@millrace/runtime';
import type { Cursors, Lease, Leases } from '@millrace/stores';
import type { Position } from '@millrace/wire';
import { Group, groupsOf } from './groups.ts';

/** Which groups of endpoints this process serves, and how far each is written down to have come. */
export interface Ownership {
  /** Writes what is not written, and gives the leases back. Nothing may be under way any more. */
  close(): Promise<void>;
}

/** How often cursors are written, in milliseconds: what was recorded since is found out by asking the store. */
const WRITE_MS = 1_000;
const RETRY_MS = 1_000;
/** How long a free partition is left to others, for each that this process has. */
const MODESTY_MS = 1_000;

/** Begins to lease partitions. */
export function startOwnership(options: {
  leases: Leases;
  partitions: number;
  /** Filled with the groups that are served, and emptied. */
  groups: Map<number, Group>;
  cursors: Cursors;
  /** Which stream is there. */
  streamId: () => Promise<string>;
  /** Resolves when the group is served. Throws when it can't be yet. */
  onGained: (group: Group) => Promise<void>;
  /** The group is another's: nothing of it may be begun or written any more. */
  onLost: (group: Group) => void;
  tail: () => Position;
  clock: Clock;
  log: Logger;
}): Ownership {
  const { leases, partitions, groups, cursors, clock, log } = options;
  const closing = new AbortController();

  const lose = (numbers: readonly number[]): void => {
    for (const number of numbers) {
      const group = groups.get(number);
      if (group === undefined) continue;
      groups.delete(number);
      options.onLost(group);
    }
  };
  const gain = async (partition: number, lease: Lease): Promise<void> => {
    const streamId = await options.streamId();
    for (const number of groupsOf(partition, partitions)) {
      const group = new Group({ number, lease, streamId, stored: await cursors.read(number) });
      groups.set(number, group);
      await options.onGained(group);
      if (!lease.valid || closing.signal.aborted) return;
    }
  };
  const isOver = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });

  const serve = async (partition: number): Promise<void> => {
    while (!closing.signal.aborted) {
      const name = `webhook-${partition}-of-${partitions}`;
      const lease = await leases.acquire(name, closing.signal, MODESTY_MS);
      try {
        await gain(partition, lease);
        log.info({ partition, partitions }, 'endpoints of a partition are served');
        await Promise.race([isOver(lease.lost), isOver(closing.signal)]);
        if (closing.signal.aborted) await drained.promise;
      } catch (error) {
        log.warn({ err: toMillraceError(error), partition }, 'endpoints can not be served yet');
        await delay(RETRY_MS, undefined, { signal: closing.signal }).catch(() => undefined);
      } finally {
        lose(groupsOf(partition, partitions));
        await lease.release();
      }
    }
  };
  const drained = Promise.withResolvers<void>();
  const serving = Array.from({ length: partitions }, (_, partition) =>
    serve(partition).catch((error: unknown) => {
      if (!closing.signal.aborted) log.error({ err: error, partition }, 'a partition is not served any more');
    }),
  );

  const write = async (group: Group): Promise<void> => {
    try {
      if (!group.lease.valid || (await group.write(cursors, options.tail(), clock.now()))) return;
      log.warn({ group: group.number }, 'the cursors of a group were written by another');
      await group.lease.release();
    } catch (error) {
      log.debug(
        { err: toMillraceError(error), group: group.number },
        'cursors can not be written, trying again',
      );
    }
  };
  let writing: Promise<unknown> | undefined;
  const writeAll = async (): Promise<void> => {
    const tail = options.tail();
    const due = [...groups.values()].filter((group) => group.needsWriting(tail, clock.now()));
    await Promise.all(due.map(write));
  };
  const timer = setInterval(() => {
    writing ??= writeAll().finally(() => {
      writing = undefined;
    });
  }, WRITE_MS);

  return {
    async close() {
      closing.abort();
      clearInterval(timer);
      await writing;
      await writeAll();
      drained.resolve();
      await Promise.all(serving);
    },
  };
}
