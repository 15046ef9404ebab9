import { setTimeout as delay } from 'node:timers/promises';
import { type Clock, type Logger, toMillraceError } from '@millrace/runtime';
import type { Records } from '@millrace/stores';
import type { Engine } from '../engine/engine.ts';
import type { StoredLog } from '../engine/ports.ts';
import { type ReplayedEvent, readReplayPage } from './replay-page.ts';
import type { ReplayRecord } from './replay-record.ts';

/** Works replays off, those of endpoints that this process serves. */
export interface ReplayWorker {
  close(): Promise<void>;
}

const LOOK_MS = 1_000;
const FULL_MS = 50;
const READ_TIMEOUT_MS = 30_000;
/** How long a replay that is over can be read, in milliseconds. */
const KEPT_MS = 30 * 24 * 60 * 60 * 1_000;

/** Starts to look for replays that nobody works off. */
export function startReplayWorker(options: {
  replays: Records<ReplayRecord>;
  engine: Engine;
  stored: StoredLog;
  /** Whether everything up to a sequence is stored. */
  isStored: (seq: number) => Promise<boolean>;
  clock: Clock;
  log: Logger;
}): ReplayWorker {
  const { replays, engine, stored, clock, log } = options;
  const closing = new AbortController();
  const working = new Map<string, Promise<void>>();
  const isRunning = (id: string) => replays.get(id)?.value.status === 'running';

  /** Attempts a page's deliveries at the endpoint's own pace; undefined when it is another's meanwhile, or the replay is over. */
  const attemptAll = async (
    { id, endpointId }: ReplayRecord,
    due: readonly ReplayedEvent[],
  ): Promise<{ attempted: number; failed: number } | undefined> => {
    let failed = 0;
    let waiting = 0;
    for (const { event, known } of due) {
      for (;;) {
        const lane = engine.lane(endpointId);
        if (closing.signal.aborted || lane === undefined || !isRunning(id)) return undefined;
        if (lane.isActive && lane.takesMore) {
          waiting++;
          engine.take(lane, {
            id: event.deliveryId(endpointId),
            ...{ event, cause: 'replay', tries: 0, dueAtMs: 0 },
            attempt: (known?.attempts ?? 0) + 1,
            createdAtMs: known?.createdAtMs ?? 0,
            onAttempted(succeeded) {
              if (!succeeded) failed++;
              waiting--;
            },
          });
          break;
        }
        await delay(FULL_MS);
      }
    }
    while (waiting > 0) {
      if (closing.signal.aborted || engine.lane(endpointId) === undefined) return undefined;
      await delay(FULL_MS);
    }
    return { attempted: due.length, failed };
  };

  const work = async (id: string): Promise<void> => {
    while (!closing.signal.aborted) {
      const found = replays.get(id);
      const lane = found && engine.lane(found.value.endpointId);
      if (found === undefined || found.value.status !== 'running' || lane === undefined) return;
      const { value: record, revision } = found;
      if (!(await options.isStored(record.untilSeq))) {
        await delay(LOOK_MS, undefined, { signal: closing.signal });
        continue;
      }
      const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(READ_TIMEOUT_MS)]);
      const { due, through, isLast } = await readReplayPage(stored, record, lane.endpoint, signal);
      const made = await attemptAll(record, due);
      if (made === undefined) return;
      const next: ReplayRecord = {
        ...record,
        attempted: record.attempted + made.attempted,
        failed: record.failed + made.failed,
        fromSeq: record.fromSeq || Math.max(1, (due[0]?.event.position.seq ?? record.untilSeq) - 1),
        position: through,
        ...(isLast && { status: 'done', finishedAtMs: clock.now() }),
      };
      // A conflict is somebody who has cancelled it: what they wrote is looked at next.
      const outcome = await replays.update(id, next, revision);
      if (outcome.kind === 'conflict') await delay(FULL_MS);
    }
  };
  const begin = (id: string): void => {
    const running = work(id)
      .catch((error: unknown) => {
        if (!closing.signal.aborted)
          log.warn({ err: toMillraceError(error), replayId: id }, 'a replay waits');
      })
      .finally(() => working.delete(id));
    working.set(id, running);
  };
  const look = async (): Promise<void> => {
    for (const [id, { value, revision }] of [...replays.entries()]) {
      if (engine.lane(value.endpointId) === undefined) continue;
      if (value.status === 'running' && !working.has(id)) begin(id);
      if ((value.finishedAtMs ?? Number.POSITIVE_INFINITY) < clock.now() - KEPT_MS)
        await replays.remove(id, revision);
    }
  };
  const run = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      await look().catch((error: unknown) =>
        log.debug({ err: toMillraceError(error) }, 'replays can not be read'),
      );
      await delay(LOOK_MS, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  };
  const running = run();

  return {
    async close() {
      closing.abort();
      await running;
      await Promise.all(working.values());
    },
  };
}
