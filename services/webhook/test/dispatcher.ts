import { DeliveryService } from '@millrace/contracts/millrace/analytics/v1/delivery';
import { WorkspaceService } from '@millrace/contracts/millrace/auth/v1/workspace';
import { WebhookService } from '@millrace/contracts/millrace/webhook/v1/webhook';
import {
  type Clock,
  callInProcess,
  createLogger,
  createMetricsRegistry,
  loadConfig,
  startTracing,
  systemClock,
} from '@millrace/runtime';
import { connectNats, createClickHouse } from '@millrace/stores';
import { bindDeliveries } from '../../analytics/src/deliveries/bind-deliveries.ts';
import { createAnalyticsMetrics } from '../../analytics/src/metrics.ts';
import { createQuerySlots } from '../../analytics/src/query/query-slots.ts';
import { authConfig, createAuth } from '../../auth/src/index.ts';
import { createIngest, ingestSettings } from '../../ingest/src/index.ts';
import { createWebhook } from '../src/app.ts';
import { webhookSettings } from '../src/config.ts';

const log = createLogger({ service: 'test', level: process.env['LOG_LEVEL'] ?? 'silent' });
const SLOTS = { total: 8, perWorkspace: 8, waitingPerWorkspace: 50, waitMs: 10_000 };

/** Analytics as deliverers ask it, over a ClickHouse of its own. */
export function openDeliveries(clickHouse: { url: string; username: string; password: string }) {
  const client = createClickHouse({ ...clickHouse, database: 'millrace' });
  const metrics = createAnalyticsMetrics(createMetricsRegistry({ service: 'test', version: '0' }));
  const methods = callInProcess(
    DeliveryService,
    bindDeliveries({
      ...{ client, metrics, isReady: () => true },
      slots: createQuerySlots(SLOTS),
      readerSlots: createQuerySlots(SLOTS),
    }),
  );
  return { methods, close: () => client.close() };
}

/** A process that delivers. */
export async function openDispatcher(options: {
  environment: Readonly<Record<string, string>>;
  deliveries: ReturnType<typeof openDeliveries>['methods'];
  natsUrl: string;
  clock?: Clock | undefined;
}) {
  const { clock = systemClock, deliveries } = options;
  const connection = await connectNats({ url: options.natsUrl, name: 'webhook', log });
  const registry = createMetricsRegistry({ service: 'test', version: '0' });
  const config = loadConfig(webhookSettings, options.environment);
  const tracing = await startTracing({ service: 'test', endpoint: undefined, log });
  const shared = { connection, registry, clock, tracing, log };
  const ingest = await createIngest({
    ...shared,
    role: 'accept',
    config: loadConfig(ingestSettings, options.environment),
  });
  const auth = await createAuth({ ...shared, config: loadConfig(authConfig, options.environment) });
  if (ingest.accept === undefined) throw new Error('the role accept was built without its gateway');
  const app = await createWebhook({
    ...{ ...shared, deliveries, config },
    accept: ingest.accept.accept,
    owners: callInProcess(WorkspaceService, auth.bindings.workspaces),
  });
  return {
    app,
    registry,
    methods: callInProcess(WebhookService, app.binding),
    async close() {
      await app.close();
      await ingest.close();
      await auth.close();
      await connection.close();
    },
  };
}
