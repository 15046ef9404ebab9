import { createServiceToken, exitOnConfigError, runService, startGrpcServer } from '@millrace/runtime';
import { createAnalytics } from './app.ts';
import { analyticsConfig } from './config.ts';

const config = exitOnConfigError(analyticsConfig);

await runService({
  name: 'analytics',
  config,
  conditions: ['listening'],
  async start(context) {
    const { clock, health, log } = context;
    const analytics = createAnalytics({ config, ...context });
    const grpc = await startGrpcServer({
      host: config.HOST,
      port: config.GRPC_PORT,
      services: [analytics.binding],
      token: createServiceToken({ secret: config.SERVICE_SECRET, clock }),
      ...context,
    });
    health.set('listening', true);
    log.info({ grpcPort: grpc.port }, 'analytics is listening');
    return {
      async close() {
        await grpc.close();
        await analytics.close();
      },
    };
  },
});
