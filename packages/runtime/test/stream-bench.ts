import {
  AnalyticsService,
  type TailEventsRequest,
} from '@millrace/contracts/millrace/analytics/v1/analytics';
import { systemClock } from '../src/clock.ts';
import type { CallContext } from '../src/grpc/answer.ts';
import { createGrpcClient } from '../src/grpc/client.ts';
import { bindService, startGrpcServer } from '../src/grpc/server.ts';
import { createServiceToken } from '../src/grpc/service-token.ts';
import { createLogger } from '../src/logger.ts';
import { createMetricsRegistry } from '../src/metrics.ts';

/** How a call may be bounded that shall not be. */
export const CALL = { timeoutMs: 10_000 };

/** What answers the streams of a test. */
export type Answer = (
  request: TailEventsRequest,
  context: CallContext,
) => AsyncIterable<{ cursor?: string; events?: { event: Uint8Array }[] }>;

/** A service with a stream, as a double. */
export function createStreamBench() {
  const token = createServiceToken({ secret: 'a shared service secret', clock: systemClock });
  const state: { answer: Answer; asked: TailEventsRequest[]; ended: PromiseWithResolvers<void> } = {
    async *answer() {
      yield {};
    },
    asked: [],
    /** Resolves when the handler has ended, however. */
    ended: Promise.withResolvers(),
  };
  const binding = bindService(AnalyticsService, {
    async *tailEvents(request, context) {
      state.asked.push(request);
      try {
        yield* state.answer(request, context);
      } finally {
        state.ended.resolve();
      }
    },
  });
  return Object.assign(state, {
    binding,
    /** A server and a client of it, whose calls carry another token when one is given. */
    async start(secret = token) {
      const registry = createMetricsRegistry({ service: 'test', version: '0' });
      const server = await startGrpcServer({
        host: '127.0.0.1',
        port: 0,
        services: [binding],
        token,
        registry,
        tracing: { enabled: false, start: () => undefined, close: async () => undefined },
        log: createLogger({ service: 'test', level: 'silent' }),
      });
      const address = `127.0.0.1:${server.port}`;
      const client = createGrpcClient(AnalyticsService, { address, token: secret });
      return {
        server,
        methods: client.methods,
        /** `code count` of the calls that are over. */
        async counted() {
          const lines = (await registry.metrics()).matchAll(
            /requests_total\{.*method="TailEvents",code="(\w+)"\} (\d+)/g,
          );
          return [...lines].map(([, code, count]) => `${code} ${count}`);
        },
        leave: () => client.close(),
        async close() {
          client.close();
          await server.close();
        },
      };
    },
  });
}

/** The cursors of a stream, to its end. */
export async function read(stream: AsyncIterable<{ cursor: string }>): Promise<string[]> {
  const cursors: string[] = [];
  for await (const { cursor } of stream) cursors.push(cursor);
  return cursors;
}
