import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import type { Connection } from '@millrace/embedded';

/** One way in which an endpoint is called. */
export type HookKind = 'steady' | 'ordered' | 'failing';

/** A call that came. */
export interface Arrival {
  /** The harness's id of the event. */
  readonly id: string;
  /** `webhook-id`: the same however often the event is delivered. */
  readonly deliveryId: string;
}

/** Endpoints of the stack and who is called by them, in this process. */
export interface Hooks {
  /** In the order in which they came, repeats included. */
  readonly arrivals: Readonly<Record<HookKind, readonly Arrival[]>>;
  /** Calls that were answered 503. */
  readonly refused: number;
  /** Makes an endpoint of each kind. */
  subscribe(connection: Connection): Promise<void>;
  close(): Promise<void>;
}

/** What endpoints subscribe to: a fifth of the load. */
export const hookedType = 'user.signup';

const kinds: readonly HookKind[] = ['steady', 'ordered', 'failing'];
/** From the first call to the endpoint that fails: its schedule of retries has to outlast it, and what is injected meanwhile. */
const failingForMs = 8_000;
const retryDelaysSeconds = [1, 2, 4, 8, 15, 30, 60];
const subscribeTimeoutMs = 20_000;

/** Starts to listen; nobody calls before {@link Hooks.subscribe}. */
export async function startHooks(): Promise<Hooks> {
  const arrivals: Record<HookKind, Arrival[]> = { steady: [], ordered: [], failing: [] };
  let refused = 0;
  let failsUntil = Number.POSITIVE_INFINITY;
  const server = createServer(async (request, response) => {
    try {
      const kind = kinds.find((one) => request.url === `/${one}`);
      const body = await json(request);
      if (kind === undefined) return void response.writeHead(404).end();
      if (kind === 'failing') {
        failsUntil = Math.min(failsUntil, performance.now() + failingForMs);
        if (performance.now() < failsUntil) {
          refused++;
          return void response.writeHead(503).end();
        }
      }
      arrivals[kind].push({ id: faultOf(body), deliveryId: String(request.headers['webhook-id']) });
      response.writeHead(200).end();
    } catch {
      // Its caller was killed in the middle of it.
      request.destroy();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // What listens on an address has one.
  const { port } = server.address() as AddressInfo;
  return {
    arrivals,
    get refused() {
      return refused;
    },
    async subscribe({ url, credentials }) {
      for (const kind of kinds) {
        const answer = await fetch(`${url}/webhooks`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-api-key': credentials.apiKey },
          body: JSON.stringify({
            url: `http://127.0.0.1:${port}/${kind}`,
            events: [hookedType],
            ordered: kind === 'ordered',
            retryPolicy: { delays: retryDelaysSeconds },
          }),
          signal: AbortSignal.timeout(subscribeTimeoutMs),
        });
        if (answer.status !== 201)
          throw new Error(`no endpoint was made: ${answer.status} ${await answer.text()}`);
      }
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function faultOf(body: unknown): string {
  const data = typeof body === 'object' && body !== null && 'data' in body ? body.data : undefined;
  if (typeof data !== 'object' || data === null || !('fault' in data))
    throw new Error(`a call without the harness's id: ${JSON.stringify(body).slice(0, 200)}`);
  return String(data.fault);
}
