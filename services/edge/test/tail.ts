import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import {
  AnalyticsService,
  TailEnd,
  type TailEventsResponse,
  TailEventsResponseSchema,
} from '@millrace/contracts/millrace/analytics/v1/analytics';
import { EventSchema } from '@millrace/contracts/millrace/event/v1/event';
import { bindService, callInProcess } from '@millrace/runtime';
import { type EventTail, type TailQuestion, tailBy } from '../src/clients/analytics-streams.ts';
import { createSharedEvents } from '../src/management/tail/shared-events.ts';
import type { TailDeps } from '../src/management/tail/show-events.ts';

/** Nothing may be asked. */
export const inertTail: TailDeps = {
  events: { tailEvents: () => assert.fail('no tail is asked for') },
  shared: createSharedEvents(),
  credentials: { verify: () => assert.fail('nobody is asked for') },
  health: { draining: false },
};

/** What analytics says in one answer: ids of events, a cursor, a gap or an end. */
export type Said = Parameters<typeof create<typeof TailEventsResponseSchema>>[1] & {
  ids?: readonly string[];
};

/** Analytics as a double that says what it is told to. */
export interface TailDouble extends EventTail {
  /** What was asked. */
  readonly asked: TailQuestion[];
  /** Tails that are open. */
  readonly open: number;
  say(said: Said): void;
  /** Fails the tails that are open, or the next that is asked for. */
  fail(error: Error): void;
}

/** Makes one; every tail that is opened begins with the cursor `begun`. */
export function tailDouble(): TailDouble {
  const asked: TailQuestion[] = [];
  const queue: (TailEventsResponse | Error)[] = [];
  let open = 0;
  let wake = Promise.withResolvers<void>();
  const push = (one: TailEventsResponse | Error) => {
    queue.push(one);
    wake.resolve();
    wake = Promise.withResolvers();
  };
  const methods = callInProcess(
    AnalyticsService,
    bindService(AnalyticsService, {
      async *tailEvents(_, { signal }) {
        open++;
        const left = new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
        try {
          if (!(queue[0] instanceof Error)) yield { cursor: 'begun' };
          while (!signal.aborted) {
            const one = queue.shift();
            if (one instanceof Error) throw one;
            if (one !== undefined) yield one;
            else await Promise.race([wake.promise, left]);
            if (one !== undefined && one.end !== TailEnd.UNSPECIFIED) return;
          }
        } finally {
          open--;
        }
      },
    }),
  );
  return {
    asked,
    get open() {
      return open;
    },
    say({ ids = [], ...said }) {
      const events = ids.map((id) => ({ cursor: `at-${id}`, event: encodedEvent(id) }));
      const cursor = events.at(-1)?.cursor ?? 'still';
      push(create(TailEventsResponseSchema, { cursor, events, ...said }));
    },
    fail: (error) => push(error),
    tailEvents(question, signal) {
      asked.push(question);
      return tailBy(methods).tailEvents(question, signal);
    },
  };
}

/** An event as it is in the stream. */
export function encodedEvent(eventId: string, payload = '{"n": 12345678901234567890}'): Uint8Array {
  return toBinary(
    EventSchema,
    create(EventSchema, {
      workspaceId: 'workspace-1',
      eventId,
      eventType: 'user.created',
      dialect: 'native',
      userId: 'ada',
      occurredAtMs: BigInt(Date.UTC(2024, 0, 30)),
      receivedAtMs: BigInt(Date.UTC(2024, 0, 30, 1)),
      priority: 3,
      labels: ['a'],
      payload: Buffer.from(payload),
      metadata: Buffer.from('{}'),
    }),
  );
}
