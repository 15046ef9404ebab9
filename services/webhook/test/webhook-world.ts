import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { EndpointSchema } from '@millrace/contracts/millrace/api/v1/webhook';
import type { WebhookService } from '@millrace/contracts/millrace/webhook/v1/webhook';
import { type Clock, createLogger, type ServiceMethods } from '@millrace/runtime';
import { connectNats, EVENTS_STREAM, ensureEventStreams, type NatsConnection } from '@millrace/stores';
import { envelopeOf, type NewEvent } from '../../analytics/test/tail.ts';
import { createWorld } from '../../ingest/test/world.ts';
import { openDeliveries, openDispatcher } from './dispatcher.ts';

const log = createLogger({ service: 'test', level: process.env['LOG_LEVEL'] ?? 'silent' });
const PROCESS = new URL('webhook-process.ts', import.meta.url).pathname;
type JetStreamManager = Awaited<ReturnType<NatsConnection['jetstreamManager']>>;

const TIMEOUT_MS = 20_000;

/** A call as a customer's server got it. */
export interface ReceivedCall {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly atMs: number;
}

/** A customer's server: what it answers is up to the test. */
export interface CustomerServer {
  readonly url: string;
  readonly calls: readonly ReceivedCall[];
  answer: (call: ReceivedCall, response: ServerResponse) => void;
  close(): Promise<void>;
}

/** The data of what a customer got, in the order in which it came. */
export function dataOf(customer: CustomerServer): unknown[] {
  return customer.calls.map(({ body }) => JSON.parse(body.toString()).data);
}

/** Starts one that answers 200. */
export async function startCustomer(): Promise<CustomerServer> {
  const calls: ReceivedCall[] = [];
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const call = {
      path: request.url ?? '',
      headers: request.headers,
      body: await buffer(request),
      atMs: performance.now(),
    };
    calls.push(call);
    customer.answer(call, response);
  };
  const server = createServer((request, response) => {
    // A sender that is killed in the middle is part of what is tested.
    serve(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const customer: CustomerServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    answer: (_, response) => response.end('ok'),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return customer;
}

/** Real stores with a writer, and processes that deliver. */
export async function createWebhookWorld() {
  const world = await createWorld();
  await world.startWriter();
  const clickHouse = { url: world.stores.clickhouse.url, ...world.stores.clickhouse.application };
  const deliveries = openDeliveries(clickHouse);
  const environment = {
    CLICKHOUSE_URL: clickHouse.url,
    CLICKHOUSE_USER: clickHouse.username,
    CLICKHOUSE_PASSWORD: clickHouse.password,
    WEBHOOK_SEAL_KEY: 'a key of the tests, long enough for them',
  };
  const processes: { close(): Promise<void> }[] = [];
  const managed = async <T>(use: (manager: JetStreamManager) => Promise<T>): Promise<T> => {
    const connection = await connectNats({ url: world.stores.nats.url, name: 'webhook-test', log });
    try {
      return await use(await connection.jetstreamManager());
    } finally {
      await connection.close();
    }
  };

  return {
    ...world,
    deliveries: deliveries.methods,
    environment: { ...environment, NATS_URL: world.stores.nats.url },
    publishEvents: (events: readonly NewEvent[]) => world.publishBytes(envelopeOf(events)),
    /** A process that delivers, and its API for a workspace. */
    async start(options: { settings?: Record<string, string>; clock?: Clock } = {}) {
      const opened = await openDispatcher({
        environment: { ...environment, ...options.settings },
        ...{ deliveries: deliveries.methods, natsUrl: world.stores.nats.url, clock: options.clock },
      });
      const one = {
        ...opened,
        async close() {
          processes.splice(processes.indexOf(one), 1);
          await opened.close();
        },
      };
      processes.push(one);
      return { ...one, ...apiOf(one.methods) };
    },
    /** A process that delivers and may be killed. */
    spawn(settings: Record<string, string> = {}): ChildProcess {
      return spawn(process.execPath, [PROCESS], {
        stdio: ['ignore', 'inherit', 'inherit'],
        env: { ...process.env, ...environment, NATS_URL: world.stores.nats.url, ...settings },
      });
    },
    /** Takes everything out of the stream that is stored. */
    trimStream: () => managed((manager) => manager.streams.purge(EVENTS_STREAM)),
    /** Puts an empty stream in the place of the one that is there. */
    replaceStream: () =>
      managed(async (manager) => {
        await manager.streams.delete(EVENTS_STREAM);
        await ensureEventStreams(manager, { replicas: 1, maxBytes: 2 ** 30 });
      }),
    /** The messages of a subject: their `webhook-id`, and their bodies. */
    readStream: (stream: string, subject: string) =>
      managed(async (manager) => {
        const { state } = await manager.streams.info(stream);
        const messages: { id: string; body: string }[] = [];
        for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
          const message = await manager.streams.getMessage(stream, { seq });
          if (message.subject !== subject) continue;
          messages.push({ id: message.header.get('webhook-id'), body: Buffer.from(message.data).toString() });
        }
        return messages;
      }),
    async close() {
      for (const one of [...processes]) await one.close();
      await deliveries.close();
      await world.close();
    },
  };
}

/** The service's methods as a workspace's owner calls them. */
function apiOf(methods: ServiceMethods<typeof WebhookService>) {
  const caller = (workspaceId: string) => ({
    workspaceId,
    actor: { userId: 'user-1', credentialId: 'key-1', permissions: ['*'], ipAddress: '', requestId: 'r' },
  });
  return {
    caller,
    async createEndpoint(endpoint: MessageInitShape<typeof EndpointSchema>, workspaceId = 'w') {
      const { response } = await methods.createEndpoint(
        { caller: caller(workspaceId), request: { endpoint: { active: true, events: ['*'], ...endpoint } } },
        { timeoutMs: TIMEOUT_MS },
      );
      if (response?.endpoint === undefined) throw new Error('no endpoint in the answer');
      return { ...response.endpoint, secret: response.secret };
    },
    async updateEndpoint(
      id: string,
      fields: readonly string[],
      endpoint: MessageInitShape<typeof EndpointSchema>,
      workspaceId = 'w',
    ) {
      const { response } = await methods.updateEndpoint(
        { caller: caller(workspaceId), request: { endpoint: { ...endpoint, id }, fields: [...fields] } },
        { timeoutMs: TIMEOUT_MS },
      );
      return response?.endpoint;
    },
    async getEndpoint(id: string, workspaceId = 'w') {
      const { response } = await methods.getEndpoint(
        { caller: caller(workspaceId), request: { id } },
        { timeoutMs: TIMEOUT_MS },
      );
      return response?.endpoint;
    },
    deleteEndpoint: (id: string, workspaceId = 'w') =>
      methods.deleteEndpoint({ caller: caller(workspaceId), request: { id } }, { timeoutMs: TIMEOUT_MS }),
    async startReplay(endpointId: string, sinceMs: number, failedOnly = false, workspaceId = 'w') {
      const request = { endpointId, since: timestampFromMs(sinceMs), failedOnly };
      const { response } = await methods.startReplay(
        { caller: caller(workspaceId), request },
        { timeoutMs: TIMEOUT_MS },
      );
      if (response?.replay === undefined) throw new Error('no replay in the answer');
      return response.replay;
    },
    async replay(endpointId: string, id: string, workspaceId = 'w') {
      const { response } = await methods.listReplays(
        { caller: caller(workspaceId), request: { endpointId } },
        { timeoutMs: TIMEOUT_MS },
      );
      return response?.replays.find((one) => one.id === id);
    },
    resend: (id: string, workspaceId = 'w') =>
      methods.resendDelivery({ caller: caller(workspaceId), request: { id } }, { timeoutMs: TIMEOUT_MS }),
    test: (id: string, workspaceId = 'w') =>
      methods.testEndpoint({ caller: caller(workspaceId), request: { id } }, { timeoutMs: TIMEOUT_MS }),
  };
}
