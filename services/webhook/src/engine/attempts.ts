import {
  type Clock,
  type Logger,
  MillraceError,
  type OpenSpan,
  type Tracing,
  toMillraceError,
} from '@millrace/runtime';
import type { AttemptRow, Retries } from '@millrace/stores';
import { type Disabling, targetAddress } from '../endpoints/endpoint-record.ts';
import type { LiveEndpoint } from '../endpoints/live-endpoint.ts';
import type { WebhookMetrics } from '../metrics.ts';
import type { AttemptResult, Targets } from '../targets/target.ts';
import type { Delivery } from './delivery.ts';
import type { Begun } from './dispatcher.ts';
import { groupOf } from './groups.ts';
import type { Lane } from './lane.ts';
import type { PendingRetries } from './pending-retries.ts';
import type { Recorder } from './recorder.ts';
import { nextAttempt } from './retry-schedule.ts';
import type { StreamedEvent } from './streamed-event.ts';

/** Attempts, and what follows from them. */
export interface Attempts {
  /** Resolves when the lane may go on; what came of it is recorded behind that. Never rejects. */
  attempt(lane: Lane, begun: Begun): Promise<void>;
  /** Resolves when everything that was attempted is recorded. */
  settled(): Promise<void>;
}

/** Nothing succeeded for so long: the endpoint is disabled. */
const FAILING_FOR_MS = 5 * 24 * 60 * 60 * 1_000;
const PUT_RETRY_MS = 500;

/** Makes attempts and sees to what follows from them. */
export function createAttempts(options: {
  targets: Targets;
  recorder: Recorder;
  retries: Pick<Retries, 'put'>;
  pending: Pick<PendingRetries, 'settle'>;
  /** Disables an endpoint that is gone or fails for long. */
  disable: (endpoint: LiveEndpoint, why: Pick<Disabling, 'reason' | 'failingSinceMs'>) => void;
  /** It will be asked for again soon. */
  keep: (event: StreamedEvent) => void;
  /** What waits for a lane may be begun, or is to be given up. */
  onChange: (lane: Lane) => void;
  metrics: WebhookMetrics;
  tracing: Tracing;
  clock: Clock;
  random: () => number;
  log: Logger;
}): Attempts {
  const { targets, recorder, pending, metrics, tracing, clock, log } = options;

  const settling = new Set<Promise<void>>();

  /** Under the request that brought the event. The address stays out of it: it may hold keys. */
  const spanOf = ({ id }: LiveEndpoint, { event, attempt }: Delivery): OpenSpan | undefined => {
    const parent = tracing.enabled ? event.traceparent : undefined;
    if (parent === undefined) return undefined;
    const attributes = { 'millrace.endpoint_id': id, 'millrace.attempt': attempt };
    return tracing.start('webhook deliver', { kind: 'client', parent, attributes });
  };
  const made = async (lane: Lane, delivery: Delivery): Promise<AttemptResult> => {
    const began = clock.monotonic();
    const span = spanOf(lane.endpoint, delivery);
    try {
      const result = await targets.attempt(lane.endpoint, delivery);
      endSpan(span, result);
      return result;
    } catch (error) {
      span?.end(error);
      log.error({ err: error, endpointId: lane.endpoint.id }, 'an attempt could not be made');
      const tookMs = clock.monotonic() - began;
      return { kind: 'failed', status: 0, error: 'internal error', response: NO_BYTES, address: '', tookMs };
    }
  };

  /** Until it is written down, or nobody can for as long as the process lives: then its cursor makes the attempt again. */
  const putRetry = async (lane: Lane, delivery: Delivery, dueAtMs: number): Promise<void> => {
    const { id: endpointId, workspaceId } = lane.endpoint;
    const { id: deliveryId, event, cause, createdAtMs, tries } = delivery;
    const retry = {
      ...{ deliveryId, endpointId, workspaceId, ...event.position, eventId: event.fields.eventId },
      ...{ attempt: delivery.attempt + 1, tries: tries + 1, dueAtMs, createdAtMs },
      cause: cause === 'test' ? ('event' as const) : cause,
    };
    for (let isFirst = true; ; isFirst = false) {
      try {
        await options.retries.put(groupOf(endpointId), retry);
        return;
      } catch (error) {
        if (isFirst)
          log.warn({ err: toMillraceError(error), endpointId }, 'a retry can not be written down yet');
        await new Promise((resolve) => setTimeout(resolve, PUT_RETRY_MS));
      }
    }
  };

  const note = (lane: Lane, result: AttemptResult, nowMs: number): void => {
    const succeeded = result.kind === 'delivered';
    const before = lane.failingSinceMs;
    const failingSinceMs = succeeded ? 0 : before || nowMs;
    lane.failingSinceMs = failingSinceMs;
    if (before !== failingSinceMs) lane.isDirty = true;
    if (result.kind === 'gone') options.disable(lane.endpoint, { reason: 'gone', failingSinceMs });
    else if (!succeeded && nowMs - failingSinceMs >= FAILING_FOR_MS)
      options.disable(lane.endpoint, { reason: 'failing', failingSinceMs });
  };

  /** Everything that must be on disk before the cursor may pass the delivery. */
  const settle = async (lane: Lane, delivery: Delivery, row: AttemptRow): Promise<void> => {
    const { ordered } = lane.endpoint.record;
    const { nextAttemptAtMs } = row;
    const staysHere = ordered && delivery.cause === 'event' && nextAttemptAtMs !== undefined;
    if (nextAttemptAtMs !== undefined && !staysHere) await putRetry(lane, delivery, nextAttemptAtMs);
    await recorder.record(row);
    if (delivery.retrySeq !== undefined) pending.settle(delivery.id, delivery.retrySeq);
    if (!staysHere) lane.done(delivery);
    delivery.onAttempted?.(row.deliveryStatus === 'sent');
    options.onChange(lane);
  };

  return {
    async attempt(lane, { delivery, passage }) {
      const startedAtMs = clock.now();
      delivery.createdAtMs ||= startedAtMs;
      const result = await made(lane, delivery);
      const nowMs = clock.now();
      const succeeded = result.kind === 'delivered';
      lane.breaker.end(passage, succeeded ? 'succeeded' : 'failed');
      note(lane, result, nowMs);
      const next =
        result.kind === 'failed'
          ? nextAttempt(
              lane.endpoint.record.retryPolicy,
              { number: delivery.tries + 1, endedAtMs: nowMs, retryAfterMs: result.retryAfterMs },
              options.random,
            )
          : undefined;
      const dueAtMs = next?.kind === 'due' ? next.atMs : undefined;
      metrics.attempted(
        outcomeOf(result, dueAtMs),
        result.tookMs,
        nowMs - delivery.event.fields.receivedAtMs,
      );
      if (dueAtMs !== undefined) options.keep(delivery.event);
      const row = attemptRow(lane.endpoint, delivery, { result, startedAtMs, dueAtMs });
      if (lane.endpoint.record.ordered && delivery.cause === 'event' && dueAtMs !== undefined) {
        delivery.attempt++;
        delivery.tries++;
        delivery.dueAtMs = dueAtMs;
        lane.putBack(delivery);
      }
      const settled = settle(lane, delivery, row)
        .catch((error: unknown) =>
          log.error({ err: error, endpointId: lane.endpoint.id }, 'an attempt was not recorded'),
        )
        .finally(() => settling.delete(settled));
      settling.add(settled);
      options.onChange(lane);
    },
    async settled() {
      await Promise.all(settling);
    },
  };
}

/** What was answered stays out of it: it is the customer's. */
function endSpan(span: OpenSpan | undefined, { kind, status, error }: AttemptResult): void {
  const failure = status === 0 ? error : `HTTP ${status}`;
  span?.end(
    kind === 'delivered' ? undefined : failure,
    status === 0 ? {} : { 'http.response.status_code': status },
  );
}

const NO_BYTES = Buffer.alloc(0);

function outcomeOf({ kind }: AttemptResult, dueAtMs: number | undefined): string {
  if (kind === 'delivered') return 'sent';
  return dueAtMs === undefined ? 'failed' : 'retried';
}

/** An attempt in the words of the table. */
export function attemptRow(
  endpoint: LiveEndpoint,
  delivery: Pick<Delivery, 'id' | 'event' | 'cause' | 'attempt' | 'createdAtMs'>,
  made: { result: AttemptResult; startedAtMs: number; dueAtMs: number | undefined },
): AttemptRow {
  const { result, startedAtMs, dueAtMs } = made;
  const { position, fields } = delivery.event;
  if (fields.workspaceId !== endpoint.workspaceId)
    throw new MillraceError('internal', 'an event of another workspace');
  return {
    workspaceId: endpoint.workspaceId,
    endpointId: endpoint.id,
    deliveryId: delivery.id,
    eventId: fields.eventId,
    eventType: fields.eventType,
    userId: fields.userId,
    createdAtMs: delivery.createdAtMs,
    receivedAtMs: fields.receivedAtMs,
    attempt: delivery.attempt,
    startedAtMs,
    tookMs: result.tookMs,
    httpStatus: result.status,
    error: result.error,
    response: result.response,
    address: result.address,
    url: targetAddress(endpoint.record.target),
    cause: delivery.cause,
    deliveryStatus: result.kind === 'delivered' ? 'sent' : dueAtMs === undefined ? 'failed' : 'pending',
    nextAttemptAtMs: dueAtMs,
    shard: 0,
    ...position,
  };
}
