import {
  createServiceToken,
  exitOnConfigError,
  openGrpcTls,
  runService,
  warnOfClearText,
} from '@millrace/runtime';
import { connectNats } from '@millrace/stores';
import { createEdge } from './app.ts';
import { analyticsOverGrpc } from './clients/analytics.ts';
import { authOverGrpc } from './clients/auth.ts';
import { connectCredentials } from './clients/credentials-changes.ts';
import { createGrpcCredentialLookup } from './clients/credentials-lookup-grpc.ts';
import { ingestOverGrpc } from './clients/ingest.ts';
import { webhookOverGrpc } from './clients/webhook.ts';
import { edgeConfig } from './config.ts';

const config = exitOnConfigError(edgeConfig);

await runService({
  name: 'edge',
  config,
  conditions: ['nats', 'listening'],
  async start(context) {
    const { clock, health, log, startup } = context;
    const { AUTH_ADDRESS, INGEST_ADDRESS, ANALYTICS_ADDRESS, WEBHOOK_ADDRESS } = config;
    const token = createServiceToken({ secret: config.SERVICE_SECRET, clock });
    const tls = openGrpcTls(config, log);
    warnOfClearText({
      tls,
      addresses: { AUTH_ADDRESS, INGEST_ADDRESS, ANALYTICS_ADDRESS, WEBHOOK_ADDRESS },
      log,
    });
    let natsIsUp = false;
    const connection = await connectNats({
      url: config.NATS_URL,
      identity: config,
      name: 'edge',
      log,
      startup,
      onChange: (connected) => {
        natsIsUp = connected;
        health.set('nats', connected);
      },
    });
    const lookup = createGrpcCredentialLookup({ address: AUTH_ADDRESS, token, tls, clock });
    const credentials = connectCredentials({ lookUp: lookup.lookUp, connection, ...context });
    const auth = authOverGrpc({ address: AUTH_ADDRESS, token, tls });
    const ingest = ingestOverGrpc({ address: INGEST_ADDRESS, token, tls });
    const analytics = analyticsOverGrpc({ address: ANALYTICS_ADDRESS, token, tls });
    const webhooks = webhookOverGrpc({ address: WEBHOOK_ADDRESS, token, tls });
    const edge = await createEdge({
      config,
      ingest,
      credentials,
      auth,
      analytics,
      webhooks,
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
        for (const client of [lookup, auth, ingest, analytics, webhooks]) client.close();
        await connection.drain();
      },
    };
  },
});
