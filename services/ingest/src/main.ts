import {
  createServiceToken,
  exitOnConfigError,
  openGrpcTls,
  runService,
  startGrpcServer,
} from '@millrace/runtime';
import { connectNats } from '@millrace/stores';
import { createIngest } from './app.ts';
import { ingestConfig } from './config.ts';

const config = exitOnConfigError(ingestConfig);
const role = config.INGEST_ROLE;

await runService({
  name: 'ingest',
  config,
  conditions: ['nats', 'started'],
  async start(context) {
    const { clock, health, log, startup } = context;
    const connection = await connectNats({
      url: config.NATS_URL,
      identity: config,
      name: `ingest-${role}`,
      log,
      startup,
      onChange: (connected) => health.set('nats', connected),
    });
    const ingest = await createIngest({ role, connection, config, ...context });
    const services = ingest.bindings;
    const token = createServiceToken({ secret: config.SERVICE_SECRET, clock });
    const grpc =
      services.length > 0
        ? await startGrpcServer({
            host: config.HOST,
            port: config.GRPC_PORT,
            services,
            token,
            tls: openGrpcTls(config, log),
            ...context,
          })
        : undefined;
    health.set('started', true);
    log.info({ role, grpcPort: grpc?.port }, 'ingest is ready');
    return {
      async close() {
        await grpc?.close();
        await ingest.close();
        await connection.drain();
      },
    };
  },
});
