import type { BenchContext } from '../bench-context.ts';
import { analyticsLoad, measureLoad, stackTarget } from '../ingest/http-target.ts';
import type { EventIds } from '../load/protocol.ts';
import type { BenchStack } from '../stack/bench-stack.ts';

const BATCH = 500;
const CONNECTIONS = 8;
const FILL_LIMIT_MS = 120_000;

/** Has a stack without a writer accept events, which stay in the stream. */
export async function fillStream(options: {
  ids: EventIds;
  context: BenchContext;
  stack: BenchStack;
  firstEvent: number;
  events: number;
}): Promise<void> {
  const { context, stack, events } = options;
  const { load } = await measureLoad({
    context,
    target: stackTarget(stack),
    shape: analyticsLoad({
      apiKey: stack.connection.credentials.apiKey,
      connections: CONNECTIONS,
      batchSize: BATCH,
      ids: options.ids,
    }),
    firstEvent: options.firstEvent,
    end: { kind: 'events', events, limitMs: FILL_LIMIT_MS },
    warmUpMs: 0,
  });
  if (load.acceptedEvents !== events) {
    throw new Error(
      `${load.acceptedEvents} of ${events} events were accepted: ${JSON.stringify(load.statuses)}`,
    );
  }
}
