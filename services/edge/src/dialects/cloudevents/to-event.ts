import type { CanonicalEvent } from '../../ingest/canonical-event.ts';
import type { DecodeContext } from '../../ingest/decode-context.ts';
import type { CheckedCloudEvent } from './cloud-event.ts';

/** The members that have a field of their own; the others go into the metadata, under their own names. */
const MAPPED = new Set(['id', 'source', 'type', 'data', 'data_base64']);

/** A CloudEvent as a canonical event; `data` is its JSON text, undefined where it has none. */
export function toEvent(
  { event: cloud, members }: CheckedCloudEvent,
  data: string | undefined,
  context: DecodeContext,
): CanonicalEvent {
  const payload =
    cloud.data_base64 === undefined ? (data ?? 'null') : JSON.stringify({ data_base64: cloud.data_base64 });
  return {
    workspaceId: context.workspaceId,
    eventId: cloud.id,
    eventType: cloud.type,
    dialect: 'cloudevents',
    source: cloud.source,
    userId: '',
    sessionId: '',
    occurredAtMs: cloud.time ?? context.receivedAtMs,
    receivedAtMs: context.receivedAtMs,
    priority: 1,
    labels: [],
    payload,
    metadata: JSON.stringify(metadataOf(members)),
    traceId: context.traceId,
    identity: {
      scope: 'cloudevents',
      // A URI reference holds no space, so no two pairs read the same.
      id: `${cloud.source} ${cloud.id}`,
      // Extensions are left out: a hop may set its own, for example traceparent, on what is still the same event.
      content: `${cloud.type}\0${cloud.time ?? ''}\0${cloud.subject ?? ''}\0${payload}`,
    },
  };
}

function metadataOf(members: CheckedCloudEvent['members']): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([name]) => !MAPPED.has(name)));
}
