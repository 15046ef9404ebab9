import { setTimeout as sleep } from 'node:timers/promises';
import { Code, ConnectError, type ConnectRouter } from '@connectrpc/connect';
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from '@millrace/contracts/grpc/health/v1/health';
import type { Health as ProcessHealth } from '@millrace/runtime';
import { PUBLIC_MAX_BYTES } from './call-body.ts';

/** How often a watcher looks, in milliseconds. */
const WATCH_INTERVAL_MS = 1_000;

/** Looks of one watcher, of whom there is nothing to be known: an hour's, then it asks again. */
const MAX_LOOKS = 3_600;
/** Watchers at once: anybody may be one. */
const MAX_WATCHERS = 1_000;

/** What the health service works with. */
export interface HealthServiceDeps {
  /** Full names of the services that it speaks for, beside the server as a whole. */
  readonly serviceNames: readonly string[];
  readonly state: Pick<ProcessHealth, 'ready' | 'draining'>;
  readonly maxWatchers?: number | undefined;
}

/** gRPC's health checking protocol; every service shares the state of the process. */
export function addHealth(router: ConnectRouter, deps: HealthServiceDeps): void {
  const names = new Set(['', ...deps.serviceNames]);
  const stateOf = (service: string): Status => {
    if (!names.has(service)) return Status.SERVICE_UNKNOWN;
    return deps.state.ready ? Status.SERVING : Status.NOT_SERVING;
  };
  const maxWatchers = deps.maxWatchers ?? MAX_WATCHERS;
  let watchers = 0;
  router.service(
    Health,
    {
      check({ service }) {
        const status = stateOf(service);
        if (status === Status.SERVICE_UNKNOWN)
          throw new ConnectError(`unknown service ${service}`, Code.NotFound);
        return { status };
      },
      async *watch({ service }, { signal }) {
        if (watchers >= maxWatchers) throw new ConnectError('too many watch', Code.ResourceExhausted);
        watchers++;
        try {
          let told: Status | undefined;
          for (let looks = 0; looks < MAX_LOOKS && !signal.aborted; looks++) {
            const status = stateOf(service);
            if (status !== told) yield { status };
            told = status;
            // A watcher that stayed would hold up the end of the process; it asks again elsewhere.
            if (deps.state.draining) return;
            await pause(WATCH_INTERVAL_MS, signal);
          }
        } finally {
          watchers--;
        }
      },
      list: () => ({
        statuses: Object.fromEntries([...names].map((name) => [name, { status: stateOf(name) }])),
      }),
    },
    { readMaxBytes: PUBLIC_MAX_BYTES },
  );
}

/** Waits, or stops waiting when the caller is gone; then the loop ends by itself. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return sleep(ms, undefined, { signal }).catch(() => undefined);
}
