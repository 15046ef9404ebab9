import { createServiceToken, exitOnConfigError, runService } from '@millrace/runtime';
import { connectNats } from '@millrace/stores';
import { createEdge } from './app.ts';
import { analyticsOverGrpc } from './clients/analytics.ts';
import { authOverGrpc } from './clients/auth.ts';
import { connectCredentials } from './clients/credentials-connect.ts';
import { createGrpcCredentialLookup } from './clients/credentials-lookup-grpc.ts';
import { ingestOverGrpc } from './clients/ingest.ts';
import { edgeConfig } from './config.ts';

const config = exitOnConfigError(edgeConfig);

await runService({
  name: 'edge',
  config,
  conditions: ['nats', 'listening'],
  async start(context) {
    const { clock, health, log } = context;
    const token = createServiceToken({ secret: config.SERVICE_SECRET, clock });
    let natsIsUp = false;
    const connection = await connectNats({
      url: config.NATS_URL,
      name: 'edge',
      log,
      onChange: (connected) => {
        natsIsUp = connected;
        health.set('nats', connected);
      },
    });
    const lookup = createGrpcCredentialLookup({ address: config.AUTH_ADDRESS, token, clock });
    const credentials = connectCredentials({ lookUp: lookup.lookUp, connection, ...context });
    const auth = authOverGrpc({ address: config.AUTH_ADDRESS, token });
    const ingest = ingestOverGrpc({ address: config.INGEST_ADDRESS, token });
    const analytics = analyticsOverGrpc({ address: config.ANALYTICS_ADDRESS, token });
    const edge = await createEdge({
      config,
      ingest,
      credentials,
      auth,
      analytics,
      connection,
      natsIsUp: () => natsIsUp,
      ...context,
    });
    health.set('listening', true);
    log.info({ port: edge.port }, 'edge is ready');
    return {
      async close() {
        await edge.close();
        credentials.close();
        for (const client of [lookup, auth, ingest, analytics]) client.close();
        await connection.drain();
      },
    };
  },
});
