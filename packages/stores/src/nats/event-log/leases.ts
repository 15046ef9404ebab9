import { setTimeout as delay } from 'node:timers/promises';
import { type Clock, type Logger, MillraceError } from '@millrace/runtime';
import type { NatsConnection } from '../connect.ts';
import { type Bucket, openBucket } from '../kv/bucket.ts';

/** The right to do something alone, for a while. */
export interface Lease {
  /** True until this process's own monotonic deadline: one that was paused finds it false when it wakes. */
  readonly valid: boolean;
  /** Aborted once the lease is known to be gone. */
  readonly lost: AbortSignal;
  /** Gives it back, so that another takes it without waiting. */
  release(): Promise<void>;
}

/** Hands out leases by name. */
export interface Leases {
  /**
   * Waits until the lease can be had. Rejects only when the signal aborts. With `modestyMs` it leaves a free one to others for so
   * long for each lease that these leases have given out already: so several processes share out what all of them ask for.
   */
  acquire(name: string, signal: AbortSignal, modestyMs?: number): Promise<Lease>;
}

/** Milliseconds without a heartbeat after which a lease is free. */
const LEASE_MS = 3_000;
const HEARTBEAT_MS = 1_000;
const LOOK_MS = 500;

const FREE = '';

/**
 * Leases in the KV bucket `leases`. An owner changes its record once a second by compare-and-set; another may take
 * it when it has watched the record stand still for three seconds, so no two clocks are ever compared.
 * A lease makes work efficient, not correct: its owner may be paused between a check and what follows.
 */
export async function openLeases(options: {
  connection: NatsConnection;
  replicas: number;
  /** Names this process among all others. */
  owner: string;
  clock: Clock;
  log: Logger;
}): Promise<Leases> {
  const { owner, clock, log } = options;
  const bucket = await openBucket(options.connection, { name: 'leases', replicas: options.replicas });
  const record = Buffer.from(owner);

  let given = 0;

  /** One look at a lease that may be another's; the revision when it could be taken. */
  const tryTake = async (name: string, seen: Sighting, modestyMs: number): Promise<number | undefined> => {
    const entry = await bucket.get(name);
    const revision = entry?.revision ?? 0;
    const now = clock.monotonic();
    if (revision !== seen.revision) {
      seen.revision = revision;
      seen.at = now;
    }
    const isHeld = entry !== undefined && entry.bytes.length !== FREE.length;
    const freeForMs = now - seen.at - (isHeld ? LEASE_MS : 0);
    if (freeForMs < given * modestyMs) return undefined;
    // Before it is known whether it is had: another that is looked at meanwhile must know of this one.
    given++;
    try {
      const written = await (entry === undefined
        ? bucket.create(name, record)
        : bucket.update(name, record, revision));
      if (written.kind === 'written') return written.revision;
      given--;
    } catch (error) {
      given--;
      throw error;
    }
    return undefined;
  };

  return {
    async acquire(name, signal, modestyMs = 0) {
      const seen: Sighting = { revision: -1, at: 0 };
      for (;;) {
        signal.throwIfAborted();
        const before = clock.monotonic();
        try {
          const revision = await tryTake(name, seen, modestyMs);
          if (revision !== undefined) {
            const lease = hold({ bucket, name, record, revision, since: before, clock, log });
            lease.lost.addEventListener('abort', () => given--, { once: true });
            return lease;
          }
        } catch (error) {
          if (!(error instanceof MillraceError)) throw error;
          log.debug({ lease: name, err: error }, 'lease can not be read, retrying');
        }
        await delay(LOOK_MS, undefined, { signal });
      }
    },
  };
}

interface Sighting {
  revision: number;
  at: number;
}

function hold(options: {
  bucket: Bucket;
  name: string;
  record: Buffer;
  revision: number;
  since: number;
  clock: Clock;
  log: Logger;
}): Lease {
  const { bucket, name, clock, log } = options;
  const lost = new AbortController();
  let revision = options.revision;
  let validUntil = options.since + LEASE_MS;
  let beating: Promise<void> | undefined;

  const end = (why: string): void => {
    if (lost.signal.aborted) return;
    clearInterval(timer);
    log.warn({ lease: name, why }, 'lease lost');
    lost.abort(new MillraceError('aborted', `lease ${name} is lost`));
  };
  const beat = async (): Promise<void> => {
    const before = clock.monotonic();
    if (before >= validUntil) return end('no heartbeat in time');
    try {
      const outcome = await bucket.update(name, options.record, revision);
      if (outcome.kind === 'conflict') return end('taken by another');
      revision = outcome.revision;
      validUntil = before + LEASE_MS;
    } catch (error) {
      // Whether the change was made isn't known; if it was, the next one conflicts and the lease is given up.
      log.debug({ lease: name, err: error }, 'heartbeat failed');
    }
  };
  const timer = setInterval(() => {
    beating ??= beat().finally(() => {
      beating = undefined;
    });
  }, HEARTBEAT_MS);
  timer.unref();

  return {
    get valid() {
      return !lost.signal.aborted && clock.monotonic() < validUntil;
    },
    lost: lost.signal,
    async release() {
      clearInterval(timer);
      await beating;
      if (lost.signal.aborted) return;
      lost.abort(new MillraceError('aborted', `lease ${name} is released`));
      try {
        await bucket.update(name, Buffer.from(FREE), revision);
      } catch (error) {
        log.debug({ lease: name, err: error }, 'lease not released, it will run out');
      }
    },
  };
}
