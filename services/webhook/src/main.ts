import { DeliveryService } from '@millrace/contracts/millrace/analytics/v1/delivery';
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

const config = exitOnConfigError(webhookConfig);

await runService({
  name: 'webhook',
  config,
  conditions: ['nats', 'listening'],
  async start(context) {
    const { clock, health, log, startup } = context;
    const { ANALYTICS_ADDRESS } = config;
    const token = createServiceToken({ secret: config.SERVICE_SECRET, clock });
    const tls = openGrpcTls(config, log);
    warnOfClearText({ tls, addresses: { ANALYTICS_ADDRESS }, log });
    const connection = await connectNats({
      url: config.NATS_URL,
      identity: config,
      name: 'webhook',
      log,
      startup,
      onChange: (connected) => health.set('nats', connected),
    });
    const analytics = createGrpcClient(DeliveryService, { address: ANALYTICS_ADDRESS, token, tls });
    const webhook = await createWebhook({ connection, deliveries: analytics.methods, config, ...context });
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
        analytics.close();
        await connection.drain();
      },
    };
  },
});
