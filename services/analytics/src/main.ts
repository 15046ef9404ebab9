import {
  createServiceToken,
  exitOnConfigError,
  openGrpcTls,
  runService,
  startGrpcServer,
} from '@millrace/runtime';
import { connectNats } from '@millrace/stores';
import { createAnalytics } from './app.ts';
import { analyticsConfig } from './config.ts';

const config = exitOnConfigError(analyticsConfig);

await runService({
  name: 'analytics',
  config,
  conditions: ['listening'],
  async start(context) {
    const { clock, health, log } = context;
    let isConnected = false;
    // Not awaited: without NATS there is nothing new in the audit log, and every question has its answer.
    const connection = connectNats({
      url: config.NATS_URL,
      identity: config,
      name: 'analytics',
      log,
      onChange: (connected) => {
        isConnected = connected;
      },
    });
    const analytics = createAnalytics({ connection, config, ...context });
    health.prepare('schema', analytics.prepared);
    const grpc = await startGrpcServer({
      host: config.HOST,
      port: config.GRPC_PORT,
      services: [analytics.bindings.analytics, analytics.bindings.deliveries],
      token: createServiceToken({ secret: config.SERVICE_SECRET, clock }),
      tls: openGrpcTls(config, log),
      ...context,
    });
    health.set('listening', true);
    log.info({ grpcPort: grpc.port }, 'analytics is listening');
    return {
      async close() {
        await grpc.close();
        await analytics.close();
        if (isConnected) await (await connection).drain();
      },
    };
  },
});
