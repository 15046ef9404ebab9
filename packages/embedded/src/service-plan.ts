import { join } from 'node:path';
import { pickFreePort } from './free-port.ts';
import type { ServiceSpec } from './service-process.ts';

/** What a plan is made from. */
export interface ServicePlanOptions {
  /** Port of the public API. */
  port: number;
  /** Admin port of the process that serves the public API. */
  adminPort: number;
}

/** Lists the processes of a stack, the ones that others call first. */
export type ServicePlanner = (options: ServicePlanOptions) => Promise<ServiceSpec[]>;

/** Every role in one process. */
export const planStandalone: ServicePlanner = async ({ port, adminPort }) => [
  { name: 'standalone', entry: entryOf('standalone'), adminPort, env: { PORT: String(port) } },
];

/** Each role in a process of its own, wired by gRPC on loopback. */
export const planSplit: ServicePlanner = async ({ port, adminPort }) => {
  const auth = await internalService('auth', 'auth');
  const accept = await internalService('ingest-accept', 'ingest', { INGEST_ROLE: 'accept' });
  const writer = await internalService('ingest-writer', 'ingest', { INGEST_ROLE: 'writer' });
  const analytics = await internalService('analytics', 'analytics');
  const edge = {
    name: 'edge',
    entry: entryOf('edge'),
    adminPort,
    env: {
      PORT: String(port),
      AUTH_ADDRESS: addressOf(auth),
      INGEST_ADDRESS: addressOf(accept),
      ANALYTICS_ADDRESS: addressOf(analytics),
    },
  };
  return [auth, accept, writer, analytics, edge];
};

interface InternalService extends ServiceSpec {
  env: { GRPC_PORT: string };
}

async function internalService(
  name: string,
  folder: string,
  env: Record<string, string> = {},
): Promise<InternalService> {
  const [adminPort, grpcPort] = [await pickFreePort(), await pickFreePort()];
  return { name, entry: entryOf(folder), adminPort, env: { ...env, GRPC_PORT: String(grpcPort) } };
}

function addressOf(service: InternalService): string {
  return `127.0.0.1:${service.env.GRPC_PORT}`;
}

function entryOf(service: string): string {
  return join(import.meta.dirname, '../../../services', service, 'src/main.ts');
}
