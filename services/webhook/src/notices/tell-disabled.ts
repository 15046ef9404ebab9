import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { DisabledReason } from '@millrace/contracts/millrace/api/v1/webhook';
import type { WorkspaceService } from '@millrace/contracts/millrace/auth/v1/workspace';
import { IngestService, Outcome } from '@millrace/contracts/millrace/ingest/v1/ingest';
import {
  type Clock,
  createGrpcClient,
  type GrpcClientOptions,
  MillraceError,
  type ServiceMethods,
} from '@millrace/runtime';
import {
  bodyHash,
  dedupKey,
  type EnvelopeItem,
  encodeEvent,
  frameItem,
  frameTraceparent,
} from '@millrace/wire';
import { type Disabling, type EndpointRecord, targetAddress } from '../endpoints/endpoint-record.ts';

/** The type of the events that tell of an endpoint that was disabled, and not by its owner. */
export const DISABLED_EVENT = 'millrace.endpoint.disabled';

/** Ingest, in this process or over gRPC. Throws MillraceError `unavailable` when nothing is known to be stored. */
export type AcceptEvents = (
  items: readonly Pick<EnvelopeItem, 'framed' | 'dedupKey' | 'bodyHash' | 'eventId'>[],
  traceparents: readonly string[],
) => Promise<{ readonly outcomes: Uint8Array }>;

const ACCEPT_TIMEOUT_MS = 8_000;

/** Asks the ingest service over gRPC. */
export function acceptOverGrpc(options: GrpcClientOptions): { accept: AcceptEvents; close(): void } {
  const client = createGrpcClient(IngestService, options);
  return {
    accept(items, traceparents) {
      const frames = [...items.map(({ framed }) => framed), ...traceparents.map(frameTraceparent)];
      return client.raw('accept', Buffer.concat(frames), { timeoutMs: ACCEPT_TIMEOUT_MS });
    },
    close: () => client.close(),
  };
}

/** What is needed to tell. */
export interface TellDeps {
  readonly accept: AcceptEvents;
  /** Of auth, which knows who the owners are and has their addresses. */
  readonly owners: Pick<ServiceMethods<typeof WorkspaceService>, 'notifyOwners'>;
  readonly clock: Clock;
  readonly newId: () => string;
}

/** Ids of this scope are ours alone: no API takes it from a client. */
const SCOPE = 'millrace';
const MAIL_TIMEOUT_MS = 30_000;

/** Makes the event. Made again it is the same one. Throws MillraceError `unavailable`. */
export async function announceDisabled(
  { accept, clock, newId }: Pick<TellDeps, 'accept' | 'clock' | 'newId'>,
  { id: endpointId, workspaceId, target }: EndpointRecord,
  { reason, failingSinceMs, disabledAtMs }: Disabling,
): Promise<void> {
  const payload = JSON.stringify({
    endpointId,
    url: withoutQuery(targetAddress(target)),
    reason,
    failingSince: new Date(failingSinceMs).toISOString(),
    disabledAt: new Date(disabledAtMs).toISOString(),
  });
  const identity = { scope: SCOPE, id: noticeId(endpointId, disabledAtMs) };
  const key = dedupKey(workspaceId, identity);
  const hash = bodyHash(payload);
  const eventId = newId();
  const event = encodeEvent(
    {
      ...{ workspaceId, eventId, eventType: DISABLED_EVENT, dialect: 'native', source: 'millrace' },
      ...{ userId: '', sessionId: '', priority: 1, labels: [], metadata: '{}', traceId: '', payload },
      ...{ occurredAtMs: disabledAtMs, receivedAtMs: clock.now() },
    },
    key,
  );
  const framed = frameItem({ event, dedupKey: key, bodyHash: hash, eventId });
  const { outcomes } = await accept([{ framed, dedupKey: key, bodyHash: hash, eventId }], []);
  const [outcome] = outcomes;
  // A conflict is the endpoint's address, which its owner has changed meanwhile: the event was made before.
  if (outcome === Outcome.ACCEPTED || outcome === Outcome.DUPLICATE || outcome === Outcome.CONFLICT) return;
  throw new MillraceError('unavailable', 'the event is not known to be stored');
}

/** Has the owners mailed. A workspace that is gone has none. Throws MillraceError. */
export async function mailDisabled(
  { owners }: Pick<TellDeps, 'owners'>,
  { id: endpointId, workspaceId, target }: EndpointRecord,
  { reason, failingSinceMs, disabledAtMs }: Disabling,
  signal: AbortSignal,
): Promise<void> {
  const value = {
    endpointId,
    url: withoutQuery(targetAddress(target)),
    reason: reason === 'gone' ? DisabledReason.GONE : DisabledReason.FAILING,
    failingSince: timestampFromMs(failingSinceMs),
    disabledAt: timestampFromMs(disabledAtMs),
  };
  const notice = { case: 'endpointDisabled' as const, value };
  const request = { workspaceId, id: noticeId(endpointId, disabledAtMs), notice };
  try {
    await owners.notifyOwners(request, { timeoutMs: MAIL_TIMEOUT_MS, signal });
  } catch (error) {
    if (!(error instanceof MillraceError) || error.code !== 'not_found') throw error;
  }
}

function noticeId(endpointId: string, disabledAtMs: number): string {
  return `endpoint.disabled ${endpointId} ${disabledAtMs}`;
}

/** Queries often hold keys. */
function withoutQuery(address: string): string {
  return address.replace(/[?#].*$/s, '');
}
