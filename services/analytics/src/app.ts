import { setTimeout as delay } from 'node:timers/promises';
import type { Clock, GrpcServiceBinding, Logger, MetricsRegistry } from '@millrace/runtime';
import {
  clickHouseFrom,
  createClickHouse,
  createLocalByteCache,
  createRedisByteCache,
  type NatsConnection,
  openAuditReader,
  openEventFeed,
  openProperties,
  openRedis,
  type Properties,
} from '@millrace/stores';
import { createAuditTable } from './audit/audit-table.ts';
import { startAuditWriter } from './audit/audit-writer.ts';
import type { AnalyticsSettings } from './config.ts';
import { createDashboardQuestions } from './dashboard/questions.ts';
import { createSharedAnswers } from './dashboard/shared-answers.ts';
import { createDeadLetterTable } from './dead-letters/dead-letter-table.ts';
import { bindDeliveries } from './deliveries/bind-deliveries.ts';
import { type Erasure, openErasure } from './erasure/open-erasure.ts';
import { createEventQuestions } from './event-questions.ts';
import { createEventExport } from './export/export-events.ts';
import { createAnalyticsMetrics } from './metrics.ts';
import { openWhenThere } from './open-when-there.ts';
import { prepareStore } from './prepare-store.ts';
import { type StoredFiller, startStoredFiller } from './properties/fill-stored.ts';
import { createSuggestions } from './properties/suggestions.ts';
import { createQuerySlots } from './query/query-slots.ts';
import { createQueryStore } from './query/query-store.ts';
import { bindAnalytics } from './service.ts';
import { openSql } from './sql/open-sql.ts';
import type { EventFeed } from './tail/ports.ts';
import { createTail } from './tail/tail.ts';

/** The analytics role of a process. */
export interface AnalyticsApp {
  /** For a gRPC server, or for calls in process. */
  readonly bindings: AnalyticsBindings;
  /** Resolves when the schema is in place. Rejects when it can't be, which nobody needs to handle: the process is of no use then. */
  readonly prepared: Promise<void>;
  close(): Promise<void>;
}

/** What analytics answers. */
export interface AnalyticsBindings {
  readonly analytics: GrpcServiceBinding;
  readonly deliveries: GrpcServiceBinding;
}

const CACHED_FOR_MS = 10_000;
const MAX_LOCAL_CACHE_BYTES = 16 * 1024 * 1024;
/** Dashboards that are read at once: a workspace that asks for many waits for itself. Shorter than their callers wait. */
const DASHBOARD_SLOTS = { total: 6, perWorkspace: 2, waitingPerWorkspace: 20, waitMs: 2_000 };
/** Counts, users, sessions, and who was in front last time. */
const STATEMENTS_PER_DASHBOARD = 4;
/** What ClickHouse has left over for metrics while people's questions run. */
const QUERY_SLOTS = { total: 6, perWorkspace: 3, waitingPerWorkspace: 20, waitMs: 5_000 };
const DELIVERY_SLOTS = { total: 4, perWorkspace: 2, waitingPerWorkspace: 20, waitMs: 2_000 };
/** Deliverers read page by page: people's questions wait for none of that. */
const DELIVERER_SLOTS = { total: 4, perWorkspace: 2, waitingPerWorkspace: 50, waitMs: 10_000 };
/** An export runs for as long as somebody takes it. */
const EXPORT_SLOTS = { total: 4, perWorkspace: 2 };
/** Longest that a tail waits for the stream of a process that has just started. */
const FEED_WAIT_MS = 5_000;
/** How far the tail reads the stream ahead of its readers. */
const TAIL_READ_AHEAD_BYTES = 8 * 1024 * 1024;

/**
 * Builds analytics and begins to prepare the store; answers `unavailable` until that is done. Then it also moves the
 * audit log from its stream into the store.
 */
export function createAnalytics(options: {
  /** May still be on its way: answers don't need it. Stays open. */
  connection: NatsConnection | Promise<NatsConnection>;
  config: AnalyticsSettings;
  registry: MetricsRegistry;
  clock: Clock;
  log: Logger;
}): AnalyticsApp {
  const { config, clock, log } = options;
  const connection = clickHouseFrom(config, log);
  const client = createClickHouse(connection);
  // The database that the other client works in may have to be made first.
  const founder = createClickHouse({ ...connection, database: 'default' });
  // Each with connections of its own, so that nobody waits for one that questions of another kind hold.
  const exporter = createClickHouse({ ...connection, maxConnections: EXPORT_SLOTS.total });
  const asker = createClickHouse({ ...connection, maxConnections: QUERY_SLOTS.total });
  const dashboardReader = createClickHouse({
    ...connection,
    maxConnections: DASHBOARD_SLOTS.total * STATEMENTS_PER_DASHBOARD,
  });
  const deliveryReader = createClickHouse({
    ...connection,
    maxConnections: DELIVERY_SLOTS.total + DELIVERER_SLOTS.total,
  });
  const closing = new AbortController();
  let ready = false;
  const prepared = prepareStore({
    client: founder,
    database: config.CLICKHOUSE_DATABASE,
    cluster: config.CLICKHOUSE_CLUSTER ?? '',
    signal: closing.signal,
    log,
  })
    .then(() => {
      ready = true;
    })
    .finally(() => founder.close());
  const metrics = createAnalyticsMetrics(options.registry);
  const table = createAuditTable({ client, metrics });
  let writer: ReturnType<typeof startAuditWriter> | undefined;
  const auditing = prepared.then(async () => {
    const connection = await options.connection;
    if (closing.signal.aborted) return;
    writer = startAuditWriter({
      openReader: () => openAuditReader({ connection, replicas: config.NATS_REPLICAS }),
      table,
      metrics: metrics.audit,
      random: Math.random,
      log,
    });
  });
  let feed: EventFeed | undefined;
  let erasure: Erasure | undefined;
  const erasing = openErasure({
    connection: options.connection,
    replicas: config.NATS_REPLICAS,
    client,
    prepared,
    metrics: metrics.erasure,
    clock,
    closing: closing.signal,
    log,
  }).then((opened) => {
    erasure = opened;
    // Not before the deletions are known: nobody may be shown a deleted user's events.
    if (opened === undefined) return;
    const { connection } = opened;
    feed = openEventFeed({ connection, readAheadBytes: TAIL_READ_AHEAD_BYTES, clock, log });
  });
  const tail = createTail({
    feed: () => feed,
    untilFeed: async (signal) => {
      const enough = delay(FEED_WAIT_MS, undefined, { signal, ref: false }).catch(() => undefined);
      await Promise.race([erasing, enough]);
    },
    isErased: (event) => erasure?.deletions.isErased(event) ?? false,
    metrics: metrics.tail,
    maxReaders: config.TAIL_MAX_READERS,
    maxReadersPerWorkspace: config.TAIL_MAX_READERS_PER_WORKSPACE,
    log,
  });
  let properties: Properties | undefined;
  let filler: StoredFiller | undefined;
  // Until it is known what is kept in columns, everything is read from JSON.
  const opening = openWhenThere({
    connection: options.connection,
    open: (connection) => openProperties({ connection, replicas: config.NATS_REPLICAS, clock, log }),
    what: 'properties',
    closing: closing.signal,
    log,
  });
  const filling = Promise.all([opening, prepared]).then(([opened]) => {
    if (opened === undefined || closing.signal.aborted) return;
    properties = opened;
    filler = startStoredFiller({ client, database: config.CLICKHOUSE_DATABASE, properties, log });
  });
  const questions = createEventQuestions({ client, metrics });
  const store = createQueryStore({ client: asker, slots: createQuerySlots(QUERY_SLOTS), metrics });
  const letters = createDeadLetterTable({ client, metrics });
  const redis = openRedis(config, log);
  const sql = openSql({ config, connection, application: client, metrics, log });
  const analytics = bindAnalytics({
    questions,
    sql: sql.runner,
    tail,
    erasure: () => erasure,
    exports: createEventExport({ client: exporter, metrics: metrics.exports, clock, slots: EXPORT_SLOTS }),
    dashboard: createDashboardQuestions({ client: dashboardReader, metrics }),
    dashboardSlots: createQuerySlots(DASHBOARD_SLOTS),
    answers: createSharedAnswers(
      redis
        ? createRedisByteCache({ redis, name: 'dashboard', ttlMs: CACHED_FOR_MS, log })
        : createLocalByteCache({ ttlMs: CACHED_FOR_MS, maxBytes: MAX_LOCAL_CACHE_BYTES }),
    ),
    properties: { properties: () => properties, suggestions: createSuggestions(), client },
    store,
    letters,
    receipts: { client, metrics, store, letters, feed: () => feed },
    audit: table,
    clock,
    isReady: () => ready,
  });
  const deliveries = bindDeliveries({
    client: deliveryReader,
    metrics,
    slots: createQuerySlots(DELIVERY_SLOTS),
    readerSlots: createQuerySlots(DELIVERER_SLOTS),
    isReady: () => ready,
  });
  return {
    bindings: { analytics, deliveries },
    prepared,
    async close() {
      // A preparation that is cut off here was given up, not failed.
      auditing.catch(() => undefined);
      filling.catch(() => undefined);
      closing.abort();
      await Promise.allSettled([prepared]);
      await tail.close();
      await filler?.close();
      await (await opening)?.close();
      await writer?.close();
      await erasing;
      await erasure?.close();
      redis?.disconnect();
      await sql.close();
      await exporter.close();
      await asker.close();
      await dashboardReader.close();
      await deliveryReader.close();
      await client.close();
    },
  };
}
