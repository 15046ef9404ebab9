import { hkdfSync, randomBytes } from 'node:crypto';
import type { DeliveryService } from '@millrace/contracts/millrace/analytics/v1/delivery';
import {
  type Clock,
  createSeal,
  type GrpcServiceBinding,
  type Logger,
  type MetricsRegistry,
  type ServiceMethods,
  type Tracing,
  toMillraceError,
  uuidv7,
} from '@millrace/runtime';
import {
  clickHouseFrom,
  createAttemptInserter,
  createClickHouse,
  type NatsConnection,
  openAuditLog,
  openCursors,
  openDeliveryQueue,
  openErasedUsers,
  openEventFeed,
  openLeases,
  openRecords,
  openRetries,
  openStreamErasing,
} from '@millrace/stores';
import { z } from 'zod';
import type { WebhookSettings } from './config.ts';
import { type EndpointRecord, endpointRecord } from './endpoints/endpoint-record.ts';
import { createLiveEndpoints } from './endpoints/live-endpoint.ts';
import { disableEndpoint } from './endpoints/manage-endpoints.ts';
import { type EngineOptions, startEngine } from './engine/engine.ts';
import { createRecorder } from './engine/recorder.ts';
import { storedLogFrom } from './engine/stored-log.ts';
import { checkUrl } from './http/check-url.ts';
import { createHttpCaller } from './http/http-caller.ts';
import { addressPolicyOf, connectionLimitsOf } from './http/settings.ts';
import { createWebhookMetrics } from './metrics.ts';
import { startNoticeWorker } from './notices/notice-worker.ts';
import type { AcceptEvents, TellDeps } from './notices/tell-disabled.ts';
import { type ReplayRecord, replayRecord } from './replays/replay-record.ts';
import { startReplayWorker } from './replays/replay-worker.ts';
import { bindWebhook } from './service.ts';
import { createHttpTarget } from './targets/http-target.ts';
import { createNatsTarget } from './targets/nats-target.ts';
import { createTargets } from './targets/target.ts';
import { createTemporalTarget } from './targets/temporal-target.ts';
import { openTemporalServer } from './temporal/temporal-server.ts';

/** The webhook role of a process, delivering. */
export interface WebhookApp {
  readonly binding: GrpcServiceBinding;
  /** Waits for the attempts under way. */
  close(): Promise<void>;
}

/** Of a whole attempt. */
const ATTEMPT_TIMEOUT_MS = 10_000;
/** How far the tail reads the stream ahead. */
const READ_AHEAD_BYTES = 8 * 1024 * 1024;
const SEAL_KEY_BYTES = 32;

/** Opens the stores, serves endpoints' owners, and begins to deliver. ClickHouse, analytics, ingest and auth may be away. */
export async function createWebhook(options: {
  connection: NatsConnection;
  /** Of analytics, wherever it is. */
  deliveries: ServiceMethods<typeof DeliveryService>;
  accept: AcceptEvents;
  /** Of auth, wherever it is. */
  owners: TellDeps['owners'];
  config: WebhookSettings;
  registry: MetricsRegistry;
  tracing: Tracing;
  clock: Clock;
  log: Logger;
}): Promise<WebhookApp> {
  const { connection, config, deliveries, clock, log } = options;
  const kept = { connection, replicas: config.NATS_REPLICAS, clock, log };
  const [endpoints, replays, erased, retries, cursors, leases, queue, audit, erasing] = await Promise.all([
    openRecords<EndpointRecord>({
      ...kept,
      bucket: 'webhook-endpoints',
      parse: (stored) => endpointRecord.parse(stored),
    }),
    openRecords<ReplayRecord>({
      ...kept,
      bucket: 'webhook-replays',
      parse: (stored) => replayRecord.parse(stored),
    }),
    openErasedUsers(kept),
    openRetries(kept),
    openCursors(kept),
    openLeases({ ...kept, owner: randomBytes(6).toString('hex') }),
    openDeliveryQueue(kept),
    openAuditLog(kept),
    openStreamErasing(kept),
  ]);
  const seal = createSeal(await sealKey(kept, config.WEBHOOK_SEAL_KEY));
  const client = createClickHouse(clickHouseFrom(config, log));
  const inserter = createAttemptInserter({
    client,
    database: config.CLICKHOUSE_DATABASE,
    replicated: config.CLICKHOUSE_CLUSTER !== undefined,
  });
  const policy = addressPolicyOf(config);
  const caller = createHttpCaller({
    policy,
    limits: connectionLimitsOf(config),
    timeoutMs: ATTEMPT_TIMEOUT_MS,
    proxyUrl: config.WEBHOOK_PROXY_URL,
    clock,
  });
  const temporal = openTemporalServer({ settings: config, timeoutMs: ATTEMPT_TIMEOUT_MS, log });
  const targets = createTargets({
    http: createHttpTarget({ caller, userAgent: config.WEBHOOK_USER_AGENT, clock }),
    nats: createNatsTarget({ queue, clock }),
    temporal: createTemporalTarget({ server: temporal, clock }),
  });
  const metrics = createWebhookMetrics(options.registry);
  const feed = openEventFeed({ connection, readAheadBytes: READ_AHEAD_BYTES, clock, log });
  const stored = storedLogFrom(deliveries);
  const liveEndpoint = createLiveEndpoints({ seal, log });
  const recorder = createRecorder({ insert: inserter.insert, log });
  const disable: EngineOptions['disable'] = ({ record }, why) => {
    disableEndpoint({ endpoints, audit, clock }, record, why).then(
      (done) => {
        if (!done) return;
        metrics.disabled(why.reason);
        log.warn({ endpointId: record.id, reason: why.reason }, 'an endpoint was disabled');
      },
      (error: unknown) =>
        log.warn({ err: toMillraceError(error), endpointId: record.id }, 'an endpoint could not be disabled'),
    );
  };
  const engine = await startEngine({
    ...{
      feed,
      stored,
      erased,
      endpoints,
      liveEndpoint,
      disable,
      targets,
      recorder,
      retries,
      cursors,
      leases,
    },
    ...{ metrics, tracing: options.tracing, clock, log },
    partitions: config.WEBHOOK_PARTITIONS,
    maxInFlight: config.WEBHOOK_MAX_IN_FLIGHT,
    random: Math.random,
  });
  const replaying = startReplayWorker({
    ...{ replays, engine, stored, clock, log },
    isStored: erasing.isWritten,
  });
  const newId = () => uuidv7(clock.now());
  const telling = startNoticeWorker({
    ...{ endpoints, clock, log, newId, accept: options.accept, owners: options.owners },
    isServed: (id) => engine.lane(id) !== undefined,
  });
  const binding = bindWebhook({
    ...{ endpoints, replays, cursors, retries, deliveries, seal, audit, clock, targets, liveEndpoint },
    allows: {
      url(url) {
        const verdict = checkUrl(url, policy);
        return verdict.kind === 'allowed' ? { url: verdict.target.url } : { issue: verdict.reason };
      },
      temporal: temporal && { namespace: temporal.refusalOf },
    },
    lastSeq: async () => (await feed.state()).lastSeq,
    newId,
    maxPerWorkspace: config.WEBHOOK_MAX_ENDPOINTS,
    insert: inserter.insert,
  });
  return {
    binding,
    async close() {
      await Promise.all([replaying.close(), telling.close()]);
      await engine.close();
      await caller.close();
      await temporal?.close();
      await Promise.all([endpoints, replays, erased].map((one) => one.close()));
      await client.close();
    },
  };
}

const setting = z.object({ value: z.string() });

/** The key that secrets are sealed with. Without a setting, in development only, one is made and kept: it protects nothing. */
async function sealKey(
  kept: { connection: NatsConnection; replicas: number; clock: Clock; log: Logger },
  configured: string | undefined,
): Promise<Buffer> {
  const text = configured ?? (await keptKey(kept));
  return Buffer.from(hkdfSync('sha256', text, '', 'millrace webhook secrets', SEAL_KEY_BYTES));
}

async function keptKey(kept: Parameters<typeof sealKey>[0]): Promise<string> {
  const settings = await openRecords({
    ...kept,
    bucket: 'webhook-settings',
    parse: (stored) => setting.parse(stored),
  });
  try {
    await settings.create('seal-key', { value: randomBytes(SEAL_KEY_BYTES).toString('base64url') });
    const stored = await settings.read('seal-key');
    if (stored === undefined) throw new Error('the kept seal key is gone');
    return stored.value.value;
  } finally {
    await settings.close();
  }
}
