import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '@millrace/embedded';
import {
  analyticsBatchRequest,
  analyticsRequest,
  cloudEventRequest,
  type EventRequest,
  emailBatchRequest,
  externalEventRequest,
  keylessRequest,
  nativeRequest,
  type RequestMaker,
  workflowRequest,
} from './dialect-requests.ts';
import type { Answer, HttpClient } from './http-client.ts';
import type { Ledger } from './ledger.ts';

/** A load that goes on until it is told to stop. */
export interface SteadyLoad {
  /** Sends nothing new, retries what is open for at most `graceMs`, and resolves when no request is under way. */
  stop(graceMs: number): Promise<void>;
  /** Resolves with the milliseconds until a request that begins from now on is answered 2xx. */
  untilAccepting(timeoutMs: number): Promise<number>;
  /** Longest time in which nothing was accepted. */
  readonly longestOutageMs: number;
  /** Answers that no good server gives to good requests, with their bodies. */
  readonly complaints: readonly string[];
}

interface Shape {
  readonly make: RequestMaker;
  readonly events: number;
  readonly weight: number;
}

// About 9 events to a request, three quarters of the requests with a single one.
const shapes: readonly Shape[] = [
  { make: analyticsRequest, events: 1, weight: 3 },
  { make: workflowRequest, events: 1, weight: 3 },
  { make: externalEventRequest, events: 1, weight: 3 },
  { make: cloudEventRequest, events: 1, weight: 3 },
  { make: nativeRequest, events: 1, weight: 3 },
  { make: keylessRequest, events: 1, weight: 3 },
  { make: keylessRequest, events: 40, weight: 2 },
  { make: nativeRequest, events: 40, weight: 2 },
  { make: analyticsBatchRequest, events: 30, weight: 1 },
  { make: emailBatchRequest, events: 20, weight: 1 },
];
const bigBatches: readonly Shape[] = [
  { make: nativeRequest, events: 100, weight: 2 },
  { make: keylessRequest, events: 100, weight: 1 },
  { make: analyticsBatchRequest, events: 100, weight: 1 },
];

/** Every dialect, single events and small batches; or batches of 100 alone. */
export type LoadKind = 'steady' | 'batches';

const loads: Readonly<Record<LoadKind, { shapes: readonly Shape[]; requestsPerSecond: number }>> = {
  steady: { shapes, requestsPerSecond: 160 },
  batches: { shapes: bigBatches, requestsPerSecond: 40 },
};

const firstRetryMs = 100;
const longestRetryMs = 2_000;
const acceptableRefusals = new Set([429, 503]);

/** Sends events at a steady rate, as a good client would: what failed is sent again, the same bytes. */
export function startSteadyLoad(options: {
  connection: Connection;
  client: HttpClient;
  ledger: Ledger;
  /** Begins every id; unique to this load. */
  prefix: string;
  /** Default is `steady`. */
  kind?: LoadKind | undefined;
}): SteadyLoad {
  const { connection, client, ledger, prefix } = options;
  const load = loads[options.kind ?? 'steady'];
  const deck = load.shapes.flatMap((shape) => Array.from({ length: shape.weight }, () => shape));
  const complaints: string[] = [];
  const underWay = new Set<Promise<void>>();
  const accepting = new Set<(startedAt: number) => void>();
  let isSending = true;
  let retryUntil = Number.POSITIVE_INFINITY;
  let counter = 0;
  let lastAcceptedAt = performance.now();
  let longestOutageMs = 0;

  const nextRequest = (): EventRequest => {
    const shape = deck[Math.floor(Math.random() * deck.length)];
    if (shape === undefined) throw new Error('there is no kind of request to send');
    const ids = Array.from({ length: shape.events }, () => `${prefix}-${counter++}`);
    return shape.make(connection, ids);
  };

  const onAnswer = (answer: Answer, startedAt: number): void => {
    if (answer.kind === 'stored') {
      ledger.accepted(answer.ids);
      const now = performance.now();
      longestOutageMs = Math.max(longestOutageMs, now - lastAcceptedAt);
      lastAcceptedAt = now;
      for (const tell of accepting) tell(startedAt);
    } else if (answer.kind === 'refused' && !acceptableRefusals.has(answer.status)) {
      complaints.push(`${answer.status} ${answer.body.slice(0, 300)}`);
    }
  };

  const deliver = async (request: EventRequest): Promise<void> => {
    ledger.sent(request.ids);
    for (let delayMs = firstRetryMs; ; delayMs = Math.min(delayMs * 2, longestRetryMs)) {
      const startedAt = performance.now();
      const answer = await client.send(request);
      onAnswer(answer, startedAt);
      // What was never sent can be sent again even where the server could not tell.
      const mayRetry = request.retryable || answer.kind === 'unreachable';
      if (request.ids.every((id) => ledger.isAccepted(id)) || !mayRetry) return;
      const waitMs = delayMs * (0.5 + Math.random());
      if (performance.now() + waitMs > retryUntil) return;
      await sleep(waitMs);
    }
  };

  const run = async (): Promise<void> => {
    const intervalMs = 1000 / load.requestsPerSecond;
    let dueAt = performance.now();
    while (isSending) {
      const now = performance.now();
      // What could not be sent in time is not made up for: the load stays bounded.
      if (now - dueAt > 200) dueAt = now;
      for (; dueAt <= now; dueAt += intervalMs) {
        // A request beyond the connections would wait in the client, and that wait be blamed on the server.
        if (underWay.size >= client.connections) continue;
        const delivery = deliver(nextRequest()).finally(() => underWay.delete(delivery));
        underWay.add(delivery);
      }
      await sleep(5);
    }
  };
  const running = run();

  return {
    complaints,
    get longestOutageMs() {
      return longestOutageMs;
    },
    async stop(graceMs) {
      isSending = false;
      // An outage that did not end counts too.
      longestOutageMs = Math.max(longestOutageMs, performance.now() - lastAcceptedAt);
      retryUntil = performance.now() + graceMs;
      await running;
      await Promise.all(underWay);
    },
    untilAccepting(timeoutMs) {
      const from = performance.now();
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          accepting.delete(tell);
          reject(new Error(`nothing was accepted for ${timeoutMs / 1000} s`));
        }, timeoutMs);
        const tell = (startedAt: number) => {
          if (startedAt < from) return;
          clearTimeout(timer);
          accepting.delete(tell);
          resolve(performance.now() - from);
        };
        accepting.add(tell);
      });
    },
  };
}
