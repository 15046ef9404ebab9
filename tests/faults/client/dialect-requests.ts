import type { Connection } from '@millrace/embedded';

/** A request as it goes over the wire, and the events in it. A retry sends the same bytes. */
export interface EventRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly ids: readonly string[];
  /** Whether the server can tell a retry from a new event. One that it can't is sent once. */
  readonly retryable: boolean;
  /** The ids that a 2xx answer says are stored. */
  readonly storedIn: (body: string) => readonly string[];
}

/** Says it in one published API: each event carries its id where the verifier finds it, under `fault`. */
export type RequestMaker = (connection: Connection, ids: readonly string[]) => EventRequest;

const json = { 'content-type': 'application/json' };
const eventTypes = ['page_view', 'click', 'purchase', 'user.signup'];

/** The native API: an itemized answer for each event. */
export const nativeRequest: RequestMaker = ({ credentials }, ids) => ({
  path: '/v1/ingest',
  headers: { ...json, 'x-api-key': credentials.apiKey },
  body: JSON.stringify(ids.map((id) => ({ id, type: typeOf(id), userId: userOf(id), payload: marked(id) }))),
  ids,
  retryable: true,
  storedIn: itemizedIds,
});

/** The native API without ids of the client's own. */
export const keylessRequest: RequestMaker = ({ credentials }, ids) => ({
  path: '/v1/ingest',
  headers: { ...json, 'x-api-key': credentials.apiKey },
  body: JSON.stringify(ids.map((id) => ({ type: typeOf(id), userId: userOf(id), payload: marked(id) }))),
  ids,
  retryable: false,
  storedIn: (body) => itemizedPlaces(body).map((place) => ids[place] ?? ''),
});

/** The analytics API, one event. */
export const analyticsRequest: RequestMaker = ({ credentials }, ids) => ({
  path: '/api/v1/events',
  headers: { ...json, 'x-api-key': credentials.apiKey },
  body: JSON.stringify(analyticsEvent(ids[0] ?? '')),
  ids,
  retryable: true,
  storedIn: () => ids,
});

/** The analytics API, a batch: stored whole or not at all. */
export const analyticsBatchRequest: RequestMaker = ({ credentials }, ids) => ({
  path: '/api/v1/events/batch',
  headers: { ...json, 'x-api-key': credentials.apiKey },
  body: JSON.stringify({ events: ids.map(analyticsEvent) }),
  ids,
  retryable: true,
  storedIn: () => ids,
});

/** The workflow API with an `Idempotency-Key`. */
export const workflowRequest: RequestMaker = ({ credentials }, ids) => ({
  path: '/api/v1/events',
  headers: {
    ...json,
    authorization: `Bearer ${credentials.bearerToken}`,
    'idempotency-key': ids[0] ?? '',
  },
  body: JSON.stringify({ name: typeOf(ids[0] ?? ''), payload: marked(ids[0] ?? '') }),
  ids,
  retryable: true,
  storedIn: () => ids,
});

/** The external-event API with an `Idempotency-Key`. */
export const externalEventRequest: RequestMaker = ({ credentials, workspaceId }, ids) => ({
  path: `/api/external-event/${workspaceId}`,
  headers: {
    ...json,
    authorization: `Bearer ${credentials.externalEventToken}`,
    'idempotency-key': ids[0] ?? '',
  },
  body: JSON.stringify({ type: typeOf(ids[0] ?? ''), payload: marked(ids[0] ?? '') }),
  ids,
  retryable: true,
  storedIn: () => ids,
});

/** CloudEvents, structured. */
export const cloudEventRequest: RequestMaker = ({ credentials }, ids) => ({
  path: '/cloudevents',
  headers: { 'content-type': 'application/cloudevents+json', 'x-api-key': credentials.apiKey },
  body: JSON.stringify({
    specversion: '1.0',
    id: ids[0],
    source: '/faults',
    type: typeOf(ids[0] ?? ''),
    datacontenttype: 'application/json',
    data: marked(ids[0] ?? ''),
  }),
  ids,
  retryable: true,
  storedIn: () => ids,
});

/** The email API, a batch. The server keeps a hash of the id only, so the metadata carries it too. */
export const emailBatchRequest: RequestMaker = ({ credentials }, ids) => ({
  path: '/email/batch',
  headers: { ...json, 'x-api-key': credentials.emailApiKey },
  body: JSON.stringify(
    ids.map((id) => ({ email_id: id, domain: 'example.com', event_time: firstTimeMs, metadata: marked(id) })),
  ),
  ids,
  retryable: true,
  storedIn: (body) => succeededEmails(body).map((place) => ids[place] ?? ''),
});

const firstTimeMs = Date.now();

function analyticsEvent(id: string) {
  return {
    eventType: typeOf(id),
    userId: userOf(id),
    sessionId: `session-${userOf(id)}`,
    eventId: id,
    timestamp: new Date(firstTimeMs).toISOString(),
    payload: marked(id),
  };
}

function marked(id: string) {
  return { fault: id, note: 'sent by the fault harness' };
}

function typeOf(id: string): string {
  return eventTypes[Number(id.slice(-1)) % eventTypes.length] ?? 'click';
}

function userOf(id: string): string {
  return `user-${id.slice(-2)}`;
}

function itemizedIds(body: string): string[] {
  return resultsOf(body).flatMap((result) => (isStored(result.status) ? [String(result.id)] : []));
}

function itemizedPlaces(body: string): number[] {
  return resultsOf(body).flatMap((result, place) => (isStored(result.status) ? [place] : []));
}

function succeededEmails(body: string): number[] {
  return resultsOf(body).flatMap((result, place) => (result.status === 'success' ? [place] : []));
}

/** How many events of an itemized answer were duplicates. */
export function duplicatesIn(body: string): number {
  return resultsOf(body).filter(({ status }) => status === 'duplicate').length;
}

function isStored(status: unknown): boolean {
  return status === 'accepted' || status === 'duplicate';
}

function resultsOf(body: string): { id?: unknown; status?: unknown }[] {
  const parsed: unknown = JSON.parse(body);
  if (
    typeof parsed !== 'object' ||
    parsed === null ||
    !('results' in parsed) ||
    !Array.isArray(parsed.results)
  ) {
    throw new Error(`an answer without results: ${body.slice(0, 200)}`);
  }
  return parsed.results.map((result: unknown) =>
    typeof result === 'object' && result !== null ? result : {},
  );
}
