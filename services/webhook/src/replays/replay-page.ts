import { behind, type Position } from '@millrace/wire';
import type { LiveEndpoint } from '../endpoints/live-endpoint.ts';
import type { KnownDelivery } from '../engine/delivery.ts';
import { storedEventAt } from '../engine/event-source.ts';
import type { StoredLog } from '../engine/ports.ts';
import { StreamedEvent } from '../engine/streamed-event.ts';
import { createSubscriptions } from '../matching/subscriptions.ts';
import type { ReplayRecord } from './replay-record.ts';

/** An event that is delivered again, and what is known of its delivery. */
export interface ReplayedEvent {
  readonly event: StreamedEvent;
  readonly known: KnownDelivery | undefined;
}

/** What of a replay comes next. */
export interface ReplayPage {
  readonly due: readonly ReplayedEvent[];
  /** Everything up to here is in this page or the ones before it. */
  readonly through: Position;
  readonly isLast: boolean;
}

const PAGE = 200;

/** Reads what an endpoint is due next: everything that it wants, or what has failed. Throws MillraceError `unavailable`. */
export function readReplayPage(
  stored: StoredLog,
  record: ReplayRecord,
  endpoint: LiveEndpoint,
  signal: AbortSignal,
): Promise<ReplayPage> {
  return record.failedOnly
    ? readFailed(stored, record, signal)
    : readEverything(stored, record, endpoint, signal);
}

async function readFailed(stored: StoredLog, record: ReplayRecord, signal: AbortSignal): Promise<ReplayPage> {
  const { workspaceId, endpointId, sinceMs, position, untilSeq } = record;
  const endpoint = { id: endpointId, workspaceId };
  const span = { endpoint, after: position, receivedFromMs: sinceMs, failedOnly: true, pageSize: PAGE };
  const failed = await stored.placedDeliveries(span, signal);
  const within = failed.filter((one) => one.position.seq <= untilSeq);
  const due: ReplayedEvent[] = [];
  for (const known of within) {
    const bytes = await storedEventAt(stored, workspaceId, known.position, signal);
    if (bytes !== undefined)
      due.push({ event: new StreamedEvent(known.position, workspaceId, bytes), known });
  }
  const isLast = failed.length < PAGE || within.length < failed.length;
  return { due, through: isLast ? behind(untilSeq) : (within.at(-1)?.position ?? behind(untilSeq)), isLast };
}

async function readEverything(
  stored: StoredLog,
  record: ReplayRecord,
  endpoint: LiveEndpoint,
  signal: AbortSignal,
): Promise<ReplayPage> {
  const { workspaceId, sinceMs, position, untilSeq } = record;
  const span = { workspaceId, after: position, toSeq: untilSeq, receivedFromMs: sinceMs, maxEvents: PAGE };
  const { events, more } = await stored.readEvents(span, signal);
  const last = events.at(-1)?.position;
  const known =
    last === undefined
      ? new Map<string, KnownDelivery>()
      : await stored.knownDeliveries({ endpoint, after: position, through: last }, signal);
  const wanted = createSubscriptions<LiveEndpoint, StreamedEvent['fields']>();
  wanted.set(endpoint);
  const due = events
    .map((one) => new StreamedEvent(one.position, workspaceId, one.bytes))
    .filter((event) => wanted.matching(workspaceId, event.fields).length > 0)
    .map((event) => ({ event, known: known.get(event.deliveryId(endpoint.id)) }));
  return { due, through: more && last !== undefined ? last : behind(untilSeq), isLast: !more };
}
