import { createAnalytics } from '@millrace/analytics';
import { type Auth, createAuth } from '@millrace/auth';
import { AnalyticsService } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { DeliveryService } from '@millrace/contracts/millrace/analytics/v1/delivery';
import { AuthService } from '@millrace/contracts/millrace/auth/v1/auth';
import { SignInService } from '@millrace/contracts/millrace/auth/v1/sign_in';
import { WorkspaceService } from '@millrace/contracts/millrace/auth/v1/workspace';
import { WebhookService } from '@millrace/contracts/millrace/webhook/v1/webhook';
import {
  type AuthGateway,
  analyticsFrom,
  connectCredentials,
  createEdge,
  type IngestGateway,
  webhookFrom,
} from '@millrace/edge';
import { createIngest } from '@millrace/ingest';
import { type Closable, callInProcess, MillraceError, type ServiceContext } from '@millrace/runtime';
import { connectNats } from '@millrace/stores';
import { createWebhook } from '@millrace/webhook';
import type { StandaloneConfig } from './config.ts';

/** Every role in one process: what the services ask each other by gRPC is a call here, and nothing else differs. */
export async function createStandalone(
  options: ServiceContext & { config: StandaloneConfig },
): Promise<Closable> {
  const { config, health, log } = options;
  let natsIsUp = false;
  const connection = await connectNats({
    url: config.NATS_URL,
    identity: config,
    name: 'standalone',
    log,
    startup: options.startup,
    onChange: (connected) => {
      natsIsUp = connected;
      health.set('nats', connected);
    },
  });
  const role = config.MILLRACE_ROLES.includes('writer') ? 'both' : 'accept';
  const analytics = createAnalytics({ connection, ...options });
  health.prepare('schema', analytics.prepared);
  const deliveries = callInProcess(DeliveryService, analytics.bindings.deliveries);
  const [auth, ingest] = await Promise.all([
    createAuth({ connection, ...options }),
    createIngest({ role, connection, ...options }),
  ]);
  const accepting = inProcessIngest(ingest.accept);
  const asked = inProcessAuth(auth);
  const webhook = await createWebhook({
    ...{ connection, deliveries, accept: accepting.accept, owners: asked.workspaces },
    ...options,
  });
  const credentials = connectCredentials({ lookUp: auth.verify, connection, ...options });
  const edge = await createEdge({
    ...options,
    ingest: accepting,
    credentials,
    auth: asked,
    analytics: analyticsFrom(callInProcess(AnalyticsService, analytics.bindings.analytics), deliveries),
    webhooks: webhookFrom(callInProcess(WebhookService, webhook.binding)),
    connection,
    natsIsUp: () => natsIsUp,
  });
  health.set('listening', true);
  log.info({ port: edge.port }, 'standalone is ready');
  return {
    async close() {
      await edge.close();
      credentials.close();
      for (const part of [webhook, ingest, analytics, auth]) await part.close();
      await connection.drain();
    },
  };
}

function inProcessIngest(accept: IngestGateway | undefined): IngestGateway {
  if (accept) return accept;
  throw new MillraceError('internal', 'the role accept was built without its gateway');
}

function inProcessAuth({ bindings }: Auth): AuthGateway {
  return {
    credentials: callInProcess(AuthService, bindings.credentials),
    signIn: callInProcess(SignInService, bindings.signIn),
    workspaces: callInProcess(WorkspaceService, bindings.workspaces),
  };
}
