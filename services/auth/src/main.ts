import {
  createServiceToken,
  exitOnConfigError,
  openGrpcTls,
  runService,
  startGrpcServer,
} from '@millrace/runtime';
import { connectNats } from '@millrace/stores';
import { createAuth } from './app.ts';
import { authServiceConfig } from './config.ts';

const config = exitOnConfigError(authServiceConfig);

await runService({
  name: 'auth',
  config,
  conditions: ['nats', 'credentials'],
  async start(context) {
    const { clock, health, log, startup } = context;
    const connection = await connectNats({
      url: config.NATS_URL,
      identity: config,
      name: 'auth',
      log,
      startup,
      onChange: (connected) => health.set('nats', connected),
    });
    const auth = await createAuth({ connection, config, ...context });
    const grpc = await startGrpcServer({
      host: config.HOST,
      port: config.GRPC_PORT,
      services: Object.values(auth.bindings),
      token: createServiceToken({ secret: config.SERVICE_SECRET, clock }),
      tls: openGrpcTls(config, log),
      ...context,
    });
    health.set('credentials', true);
    log.info({ grpcPort: grpc.port, workspaceId: auth.defaultWorkspaceId }, 'auth is ready');
    return {
      async close() {
        await grpc.close();
        await auth.close();
        await connection.drain();
      },
    };
  },
});
