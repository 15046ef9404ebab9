import { setTimeout as sleep } from 'node:timers/promises';
import { Code, ConnectError, type ConnectRouter } from '@connectrpc/connect';
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from '@millrace/contracts/grpc/health/v1/health';
import type { Health as ProcessHealth } from '@millrace/runtime';

/** How often a watcher looks, in milliseconds. */
const WATCH_INTERVAL_MS = 1_000;

/** What the health service works with. */
export interface HealthServiceDeps {
  /** Full names of the services that it speaks for, beside the server as a whole. */
  readonly serviceNames: readonly string[];
  readonly state: Pick<ProcessHealth, 'ready' | 'draining'>;
}

/** gRPC's health checking protocol; every service shares the state of the process. */
export function addHealth(router: ConnectRouter, deps: HealthServiceDeps): void {
  const names = new Set(['', ...deps.serviceNames]);
  const stateOf = (service: string): Status => {
    if (!names.has(service)) return Status.SERVICE_UNKNOWN;
    return deps.state.ready ? Status.SERVING : Status.NOT_SERVING;
  };
  router.service(Health, {
    check({ service }) {
      const status = stateOf(service);
      if (status === Status.SERVICE_UNKNOWN)
        throw new ConnectError(`unknown service ${service}`, Code.NotFound);
      return { status };
    },
    async *watch({ service }, { signal }) {
      let told: Status | undefined;
      while (!signal.aborted) {
        const status = stateOf(service);
        if (status !== told) yield { status };
        told = status;
        // A watcher that stayed would hold up the end of the process; it asks again elsewhere.
        if (deps.state.draining) return;
        await pause(WATCH_INTERVAL_MS, signal);
      }
    },
    list: () => ({
      statuses: Object.fromEntries([...names].map((name) => [name, { status: stateOf(name) }])),
    }),
  });
}

/** Waits, or stops waiting when the caller is gone; then the loop ends by itself. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return sleep(ms, undefined, { signal }).catch(() => undefined);
}
