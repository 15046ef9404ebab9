import { Code, ConnectError, type HandlerContext, type ServiceImpl } from '@connectrpc/connect';
import {
  type EventService,
  EventStatus,
  type IngestStreamRequest,
  type NewEvent,
} from '@millrace/contracts/millrace/api/v1/event';
import { type Clock, type Logger, MillraceError, traceIdOf } from '@millrace/runtime';
import type { Grant } from '../clients/credentials.ts';
import { type EventVerdict, ingestEvents } from '../dialects/native/ingest-events.ts';
import type { CheckedEvent } from '../dialects/native/new-event.ts';
import type { DialectName } from '../ingest/canonical-event.ts';
import type { DecodeContext } from '../ingest/decode-context.ts';
import type { EventSink } from '../ingest/submit.ts';
import { holdMessage } from './call-body.ts';
import { withIdleDeadline } from './deadline.ts';
import { callerNow, callerOf } from './gate.ts';
import { checkMessage, echoedId } from './new-event-message.ts';

/** Events in a request message. */
export const MAX_MESSAGE_EVENTS = 1_000;
/** Events in a stream; the answer has a result for each, and is held in memory. */
export const MAX_STREAM_EVENTS = 100_000;
/** Events of a stream that may be on their way to the store at once. */
const MAX_IN_FLIGHT_EVENTS = 4_000;

/** What the event service works with. */
export interface EventServiceDeps {
  readonly events: EventSink;
  readonly clock: Clock;
  readonly newId: (nowMs: number) => string;
  readonly countRejected: (dialect: DialectName, reason: string) => void;
  /** Longest silence within a stream, in milliseconds. */
  readonly streamIdleMs: number;
  readonly log: Logger;
}

type Results = { id: string; status: EventStatus; error?: { field: string; issue: string } }[];

const STATUS: Record<EventVerdict['status'], EventStatus> = {
  accepted: EventStatus.ACCEPTED,
  duplicate: EventStatus.DUPLICATE,
  conflict: EventStatus.CONFLICT,
  invalid: EventStatus.INVALID,
  unavailable: EventStatus.UNAVAILABLE,
};

/** `millrace.api.v1.EventService`. */
export function createEventService(deps: EventServiceDeps): ServiceImpl<typeof EventService> {
  const submit = async (
    messages: readonly NewEvent[],
    { workspaceId }: Grant,
    context: HandlerContext,
  ): Promise<Results> => {
    const request = requestContext(deps, workspaceId, context);
    const checked = messages.map((message): CheckedEvent => checkMessage(message, request));
    for (const one of checked) if (one.kind === 'invalid') deps.countRejected('native', 'invalid');
    const verdicts = await ingestEvents(checked, deps.events, traceparentOf(context));
    return verdicts.map(toResult);
  };

  return {
    async ingest({ events }, context) {
      if (events.length === 0 || events.length > MAX_MESSAGE_EVENTS) {
        throw new ConnectError(`a request has 1 to ${MAX_MESSAGE_EVENTS} events`, Code.InvalidArgument);
      }
      return { results: await submit(events, callerOf(context), context) };
    },

    async ingestStream(requests, context) {
      const results: Promise<Results>[] = [];
      const inFlight: { events: number; done: Promise<unknown> }[] = [];
      let inFlightEvents = 0;
      let total = 0;
      for await (const { events } of withIdleDeadline<IngestStreamRequest>(requests, deps.streamIdleMs)) {
        const release = holdMessage();
        total += events.length;
        if (total > MAX_STREAM_EVENTS) {
          throw new ConnectError(`a stream has at most ${MAX_STREAM_EVENTS} events`, Code.ResourceExhausted);
        }
        const caller = callerNow(context);
        const refusal = await refusalOf(caller);
        if (refusal) throw await withTally(refusal, results);
        const submitted =
          events.length > MAX_MESSAGE_EVENTS
            ? Promise.resolve(events.map(tooMany))
            : caller
                .then((grant) => submit(events, grant, context))
                .catch((error: unknown) => unavailable(events, error, deps.log));
        results.push(submitted);
        void submitted.finally(release);
        inFlight.push({ events: events.length, done: submitted });
        inFlightEvents += events.length;
        while (inFlightEvents > MAX_IN_FLIGHT_EVENTS) {
          const oldest = inFlight.shift();
          inFlightEvents -= oldest?.events ?? 0;
          await oldest?.done;
        }
      }
      return { results: (await Promise.all(results)).flat() };
    },
  };
}

function requestContext(deps: EventServiceDeps, workspaceId: string, context: HandlerContext): DecodeContext {
  return {
    workspaceId,
    receivedAtMs: deps.clock.now(),
    traceId: traceIdOf(traceparentOf(context)) ?? '',
    newId: deps.newId,
  };
}

function traceparentOf(context: HandlerContext): string | undefined {
  const header = context.requestHeader.get('traceparent') ?? undefined;
  return traceIdOf(header) ? header : undefined;
}

function toResult(verdict: EventVerdict): Results[number] {
  const { id } = verdict;
  const status = STATUS[verdict.status];
  return 'error' in verdict ? { id, status, error: verdict.error } : { id, status };
}

/** Why the caller may go no further; undefined too when nobody can tell, which is an outage like others. */
function refusalOf(caller: Promise<Grant>): Promise<ConnectError | undefined> {
  return caller.then(
    () => undefined,
    (error: unknown) => (error instanceof ConnectError ? error : undefined),
  );
}

/** Says beside the refusal what became of the events before it: as numbers, since trailers have no room for results. */
async function withTally(refusal: ConnectError, results: readonly Promise<Results>[]): Promise<ConnectError> {
  const before = (await Promise.all(results)).flat();
  const stored = before.filter(
    ({ status }) => status === EventStatus.ACCEPTED || status === EventStatus.DUPLICATE,
  );
  const tally = `of ${before.length} events before, ${stored.length} ${stored.length === 1 ? 'is' : 'are'} stored`;
  return new ConnectError(`${refusal.rawMessage}; ${tally}`, refusal.code);
}

function tooMany(event: NewEvent): Results[number] {
  const issue = `a message has at most ${MAX_MESSAGE_EVENTS} events`;
  return { id: echoedId(event), status: EventStatus.INVALID, error: { field: '', issue } };
}

/**
 * What came before in the stream may be stored, so a failure is told event by event and the stream goes on.
 * Never throws: the stream may end before anyone looks at this part of it.
 */
function unavailable(events: readonly NewEvent[], error: unknown, log: Logger): Results {
  if (!(error instanceof MillraceError)) log.error({ err: error }, 'part of a stream failed');
  return events.map((event) => ({ id: echoedId(event), status: EventStatus.UNAVAILABLE }));
}
