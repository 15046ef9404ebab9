import type { Clock } from '@millrace/runtime';
import { z } from 'zod';
import { instant } from '../../request/response.ts';
import { cachedProbe, PROBE_STATES, type Probe, type ProbeState } from './probe.ts';

/** What the health routes work with. */
export interface HealthDeps {
  readonly probes: {
    /** The event store. */
    readonly clickhouse: Probe;
    /** The stream that makes events durable; it holds the keys too. */
    readonly nats: Probe;
    /** Undefined when no Redis is configured and this process's memory stands in for it. */
    readonly redis: Probe | undefined;
  };
  /** False until the process may get traffic, and from the moment it drains. */
  readonly isReady: () => boolean;
  readonly clock: Clock;
  /** Of the release, for example `1.0.0`. */
  readonly version: string;
}

/** `healthy`: all answer; `degraded`: events are still taken; `unhealthy`: they aren't. */
const healthStatus = z.enum(['healthy', 'degraded', 'unhealthy']);

/** What `/api/health` says of one service. */
const serviceReport = z.strictObject({
  status: z.enum(PROBE_STATES),
  backend: z
    .literal('memory')
    .optional()
    .describe('Set where no such server is configured and memory does its work'),
});

/** What `/api/health` answers. */
export const healthReport = z
  .strictObject({
    status: healthStatus,
    version: z.string(),
    uptime: z.int().min(0).describe('Whole seconds since the process started'),
    timestamp: instant(),
    services: z.strictObject({
      clickhouse: serviceReport,
      nats: serviceReport,
      redis: serviceReport,
      mongodb: serviceReport,
      postgres: serviceReport,
    }),
  })
  .meta({ id: 'HealthReport' });

/** What `/health` answers. */
export const health = z.strictObject({ status: healthStatus, version: z.string() }).meta({ id: 'Health' });

/** What `healthReport` describes. */
export type HealthReport = z.output<typeof healthReport>;

/** A check that asks each store at most once a second, however often it is called. */
export function createHealthCheck(deps: HealthDeps): () => Promise<HealthReport> {
  const { clock, probes } = deps;
  const monotonic = () => clock.monotonic();
  const startedAt = monotonic();
  const clickhouse = cachedProbe(probes.clickhouse, monotonic);
  const nats = cachedProbe(probes.nats, monotonic);
  const redis = cachedProbe(probes.redis ?? inMemory, monotonic);
  return async () => {
    const [eventStore, stream, cache] = await Promise.all([clickhouse(), nats(), redis()]);
    return {
      status: judge(eventStore, stream, cache),
      version: deps.version,
      uptime: Math.floor((clock.monotonic() - startedAt) / 1000),
      timestamp: new Date(clock.now()).toISOString(),
      services: {
        clickhouse: { status: eventStore },
        nats: { status: stream },
        redis: probes.redis ? { status: cache } : { status: cache, backend: 'memory' },
        // The published document's names for where events and keys are kept.
        mongodb: { status: eventStore },
        postgres: { status: stream },
      },
    };
  };
}

/** Memory answers as long as the process does. */
const inMemory: Probe = async () => 'up';

/** Without the stream nothing can be made durable; without the others events are still taken. */
function judge(eventStore: ProbeState, stream: ProbeState, cache: ProbeState): HealthReport['status'] {
  if (stream === 'down') return 'unhealthy';
  return eventStore === 'up' && cache === 'up' ? 'healthy' : 'degraded';
}
