import { MillraceError } from '@millrace/runtime';

/** Lets a bounded number of questions run, so that one workspace's can't keep the others' waiting. */
export interface QuerySlots {
  /**
   * Runs the work when there is room. Throws MillraceError `resource_exhausted` when none comes in time or too many wait already,
   * and the reason of a signal that aborts before.
   */
  run<T>(workspaceId: string, work: () => Promise<T>, signal: AbortSignal): Promise<T>;
  /** The same for work that has no end of its own: resolves when there is room, which whoever calls must give back, once. */
  enter(workspaceId: string, signal: AbortSignal): Promise<() => void>;
}

interface Waiting {
  readonly workspaceId: string;
  start(): void;
}

/** Makes the slots. Who waits is served in turn, passing over workspaces that have all they may. */
export function createQuerySlots(options: {
  /** Questions that run at once. */
  total: number;
  /** Of one workspace. */
  perWorkspace: number;
  /** Questions that may wait, of one workspace. */
  waitingPerWorkspace: number;
  waitMs: number;
}): QuerySlots {
  const { total, perWorkspace, waitingPerWorkspace, waitMs } = options;
  const runningOf = new Map<string, number>();
  let running = 0;
  let waiting: Waiting[] = [];

  const hasRoom = (workspaceId: string) =>
    running < total && (runningOf.get(workspaceId) ?? 0) < perWorkspace;
  const take = (workspaceId: string): void => {
    running++;
    runningOf.set(workspaceId, (runningOf.get(workspaceId) ?? 0) + 1);
  };
  const giveBack = (workspaceId: string): void => {
    running--;
    const left = (runningOf.get(workspaceId) ?? 1) - 1;
    if (left === 0) runningOf.delete(workspaceId);
    else runningOf.set(workspaceId, left);
    const next = waiting.find((one) => hasRoom(one.workspaceId));
    if (next === undefined) return;
    waiting = waiting.filter((one) => one !== next);
    next.start();
  };

  const wait = (workspaceId: string, signal: AbortSignal): Promise<void> => {
    const sameWorkspace = waiting.filter((one) => one.workspaceId === workspaceId);
    if (sameWorkspace.length >= waitingPerWorkspace) return Promise.reject(tooMany());
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
        waiting = waiting.filter((one) => one !== self);
      };
      const abort = (): void => {
        leave();
        reject(signal.reason);
      };
      const timer = setTimeout(() => {
        leave();
        reject(tooMany());
      }, waitMs);
      const self: Waiting = {
        workspaceId,
        start() {
          leave();
          take(workspaceId);
          resolve();
        },
      };
      signal.addEventListener('abort', abort, { once: true });
      waiting.push(self);
    });
  };

  const enter = async (workspaceId: string, signal: AbortSignal): Promise<() => void> => {
    signal.throwIfAborted();
    if (hasRoom(workspaceId)) take(workspaceId);
    else await wait(workspaceId, signal);
    return () => giveBack(workspaceId);
  };

  return {
    enter,
    async run(workspaceId, work, signal) {
      const leave = await enter(workspaceId, signal);
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}

function tooMany(): MillraceError {
  return new MillraceError('resource_exhausted', 'too many questions at once, try again');
}
