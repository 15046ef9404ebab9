import { DeliveryService } from '@millrace/contracts/millrace/analytics/v1/delivery';
import { WorkspaceService } from '@millrace/contracts/millrace/auth/v1/workspace';
import {
  createGrpcClient,
  createServiceToken,
  exitOnConfigError,
  openGrpcTls,
  runService,
  startGrpcServer,
  warnOfClearText,
} from '@millrace/runtime';
import { connectNats } from '@millrace/stores';
import { createWebhook } from './app.ts';
import { webhookConfig } from './config.ts';
import { acceptOverGrpc } from './notices/tell-disabled.ts';

const config = exitOnConfigError(webhookConfig);

await runService({
  name: 'webhook',
  config,
  conditions: ['nats', 'listening'],
  async start(context) {
    const { clock, health, log, startup } = context;
    const { AUTH_ADDRESS, INGEST_ADDRESS, ANALYTICS_ADDRESS } = config;
    const token = createServiceToken({ secret: config.SERVICE_SECRET, clock });
    const tls = openGrpcTls(config, log);
    warnOfClearText({ tls, addresses: { AUTH_ADDRESS, INGEST_ADDRESS, ANALYTICS_ADDRESS }, log });
    const connection = await connectNats({
      url: config.NATS_URL,
      identity: config,
      name: 'webhook',
      log,
      startup,
      onChange: (connected) => health.set('nats', connected),
    });
    const analytics = createGrpcClient(DeliveryService, { address: ANALYTICS_ADDRESS, token, tls });
    const auth = createGrpcClient(WorkspaceService, { address: AUTH_ADDRESS, token, tls });
    const ingest = acceptOverGrpc({ address: INGEST_ADDRESS, token, tls });
    const webhook = await createWebhook({
      ...{ connection, config, deliveries: analytics.methods, owners: auth.methods, accept: ingest.accept },
      ...context,
    });
    const grpc = await startGrpcServer({
      host: config.HOST,
      port: config.GRPC_PORT,
      services: [webhook.binding],
      token,
      tls,
      ...context,
    });
    health.set('listening', true);
    log.info({ grpcPort: grpc.port }, 'webhook is ready');
    return {
      async close() {
        await grpc.close();
        await webhook.close();
        for (const client of [analytics, auth, ingest]) client.close();
        await connection.drain();
      },
    };
  },
});
