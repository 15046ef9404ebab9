import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import type { BenchContext } from '../bench-context.ts';
import { profileFlags } from '../profile.ts';
import { type BenchStack, startBenchStack } from '../stack/bench-stack.ts';
import { webhookApart } from '../stack/topologies.ts';
import { clockMs, type Receiver, startReceiver } from './receiver.ts';

const API_CONNECTIONS = 16;
/** A workspace's endpoints, at most. */
const MAX_ENDPOINTS = 20_000;
const PUBLISH_MS = 20;

/** A stack whose dispatcher is measured, its API, and the servers that it calls. */
export interface WebhookStack {
  readonly stack: BenchStack;
  readonly receiver: Receiver;
  /** Subscribes endpoints by their numbers, each to the types that it is told; resolves with their ids. */
  subscribe(endpoints: readonly NewEndpoint[]): Promise<string[]>;
  setActive(ids: readonly string[], isActive: boolean): Promise<void>;
  unsubscribe(ids: readonly string[]): Promise<void>;
  /** Posts events of these types in turn, at a steady rate, each with the time of its posting; resolves with their number. */
  publish(options: {
    types: readonly string[];
    eventsPerSecond: number;
    seconds: number;
    signal: AbortSignal;
  }): Promise<number>;
  stop(): Promise<void>;
}

/** An endpoint that is to be. */
export interface NewEndpoint {
  readonly number: number;
  readonly event: string;
  readonly isActive: boolean;
}

/** Starts it on an empty data directory; `ports` is how many origins the receivers have. */
export async function startWebhookStack(
  context: BenchContext,
  options: { name: string; ports: number },
): Promise<WebhookStack> {
  const { cores, dataRoot, signal } = context;
  const flags = profileFlags(context.profileDir, options.name);
  const stack = await startBenchStack({
    topology: webhookApart,
    cores,
    dataRoot,
    signal,
    env: { WEBHOOK_MAX_ENDPOINTS: String(MAX_ENDPOINTS) },
    ...(flags === undefined ? {} : { serverNodeOptions: flags }),
  });
  try {
    const receiver = await startReceiver({ cores: cores.load, ports: options.ports });
    return handle(stack, receiver, signal);
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

function handle(stack: BenchStack, receiver: Receiver, stopping: AbortSignal): WebhookStack {
  const { apiKey } = stack.connection.credentials;
  const api = new Pool(`http://127.0.0.1:${stack.port}`, { connections: API_CONNECTIONS });
  const call = async (method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: object): Promise<unknown> => {
    const answer = await api.request({
      ...{ method, path },
      headers: { 'x-api-key': apiKey, 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await answer.body.text();
    if (answer.statusCode >= 300) throw new Error(`${method} ${path} answered ${answer.statusCode}: ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  };
  /** So many at once as there are connections. */
  const forAll = async <In, Out>(items: readonly In[], work: (item: In) => Promise<Out>): Promise<Out[]> => {
    const done: Out[] = [];
    for (let i = 0; i < items.length; i += API_CONNECTIONS) {
      stopping.throwIfAborted();
      done.push(...(await Promise.all(items.slice(i, i + API_CONNECTIONS).map(work))));
    }
    return done;
  };
  return {
    stack,
    receiver,
    subscribe: (endpoints) =>
      forAll(endpoints, async ({ number, event, isActive }) => {
        const made = await call('POST', '/webhooks', {
          ...{ url: receiver.urlOf(number), events: [event], isActive },
        });
        // An endpoint as the API documents it.
        return (made as { id: string }).id;
      }),
    setActive: async (ids, isActive) =>
      void (await forAll(ids, (id) => call('PATCH', `/webhooks/${id}`, { isActive }))),
    unsubscribe: async (ids) => void (await forAll(ids, (id) => call('DELETE', `/webhooks/${id}`))),
    async publish({ types, eventsPerSecond, seconds, signal }) {
      const total = Math.round(eventsPerSecond * seconds);
      const beganAt = performance.now();
      const timestamp = new Date().toISOString();
      const posted: Promise<unknown>[] = [];
      const failing = new AbortController();
      while (posted.length < total) {
        AbortSignal.any([signal, failing.signal]).throwIfAborted();
        const due = ((performance.now() - beganAt) / 1_000) * eventsPerSecond;
        while (posted.length < Math.min(due, total)) {
          const eventType = types[posted.length % types.length];
          const payload = { number: posted.length, sentAtMs: clockMs() };
          const event = { eventType, userId: 'user_1', sessionId: 'session_1', timestamp, payload };
          const post = call('POST', '/api/v1/events', event);
          post.catch((error: unknown) => failing.abort(error));
          posted.push(post);
        }
        await sleep(PUBLISH_MS);
      }
      await Promise.all(posted);
      return total;
    },
    async stop() {
      await api.close();
      await receiver.stop();
      await stack.stop();
    },
  };
}
