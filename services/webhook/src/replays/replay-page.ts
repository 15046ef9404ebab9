import { before, behind, isFurther, type Position } from '@millrace/wire';
import type { LiveEndpoint } from '../endpoints/live-endpoint.ts';
import type { PlacedDelivery, StoredLog } from '../engine/ports.ts';
import { StreamedEvent } from '../engine/streamed-event.ts';
import { createSubscriptions } from '../matching/subscriptions.ts';
import type { ReplayRecord } from './replay-record.ts';

/** An event that is delivered again, and what is known of its delivery. */
export interface ReplayedEvent {
  readonly event: StreamedEvent;
  readonly known: PlacedDelivery | undefined;
}

/** What of a replay comes next. */
export interface ReplayPage {
  readonly due: readonly ReplayedEvent[];
  /** Everything up to here is in this page or the ones before it. */
  readonly through: Position;
  readonly isLast: boolean;
}

const PAGE = 200;
const KNOWN_PAGE = 1_000;

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
    const event = await eventAt(stored, workspaceId, known.position, signal);
    if (event !== undefined) due.push({ event, known });
  }
  const isLast = failed.length < PAGE || within.length < failed.length;
  return { due, through: isLast ? behind(untilSeq) : (within.at(-1)?.position ?? behind(untilSeq)), isLast };
}

async function eventAt(
  stored: StoredLog,
  workspaceId: string,
  position: Position,
  signal: AbortSignal,
): Promise<StreamedEvent | undefined> {
  const span = { workspaceId, after: before(position), toSeq: position.seq, maxEvents: 1 };
  const [first] = (await stored.readEvents(span, signal)).events;
  const isIt = first?.position.seq === position.seq && first.position.index === position.index;
  return isIt ? new StreamedEvent(position, workspaceId, first.bytes) : undefined;
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
  const known = last === undefined ? new Map() : await knownWithin(stored, endpoint, position, last, signal);
  const wanted = createSubscriptions<LiveEndpoint, StreamedEvent['fields']>();
  wanted.set(endpoint);
  const due = events
    .map((one) => new StreamedEvent(one.position, workspaceId, one.bytes))
    .filter((event) => wanted.matching(workspaceId, event.fields).length > 0)
    .map((event) => ({ event, known: known.get(event.deliveryId(endpoint.id)) }));
  return { due, through: more && last !== undefined ? last : behind(untilSeq), isLast: !more };
}

async function knownWithin(
  stored: StoredLog,
  endpoint: LiveEndpoint,
  after: Position,
  through: Position,
  signal: AbortSignal,
): Promise<Map<string, PlacedDelivery>> {
  const known = new Map<string, PlacedDelivery>();
  for (let from = after; ; ) {
    const some = await stored.placedDeliveries({ endpoint, after: from, pageSize: KNOWN_PAGE }, signal);
    for (const one of some) known.set(one.id, one);
    const last = some.at(-1);
    if (last === undefined || some.length < KNOWN_PAGE || isFurther(last.position, through)) return known;
    from = last.position;
  }
}
