import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { eventually, type TestStack } from '@millrace/testkit';
import { httpCall } from './http-call.ts';

/** A row of `millrace.events`, with times in milliseconds since 1970. */
export interface StoredEvent {
  readonly workspaceId: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly dialect: string;
  readonly source: string;
  readonly userId: string;
  readonly sessionId: string;
  readonly occurredAtMs: number;
  readonly receivedAtMs: number;
  readonly priority: number;
  readonly labels: readonly string[];
  /** JSON text as it is stored. */
  readonly payload: string;
  readonly metadata: string;
  readonly traceId: string;
}

/** Which rows: by id or by type, in the stack's own workspace unless told otherwise. */
export interface RowFilter {
  readonly eventId?: string;
  readonly eventType?: string;
  readonly workspaceId?: string;
}

const COLUMNS = `workspace_id AS workspaceId, event_id AS eventId, event_type AS eventType, dialect, source,
  user_id AS userId, session_id AS sessionId, toUnixTimestamp64Milli(occurred_at) AS occurredAtMs,
  toUnixTimestamp64Milli(received_at) AS receivedAtMs, priority, labels, payload, metadata, trace_id AS traceId`;

const WHERE = `workspace_id = {workspaceId:String}
  AND (event_id = {eventId:String} OR {eventId:String} = '')
  AND (event_type = {eventType:String} OR {eventType:String} = '')`;

/** The rows there are now, in the order in which they were accepted. */
export async function findEvents(stack: TestStack, filter: RowFilter): Promise<StoredEvent[]> {
  const sql = `SELECT ${COLUMNS} FROM events WHERE ${WHERE} ORDER BY _seq, _index`;
  const rows = await stack.inspector.rows(sql, parametersOf(stack, filter));
  return rows.map((row) => {
    const times = { occurredAtMs: Number(row['occurredAtMs']), receivedAtMs: Number(row['receivedAtMs']) };
    // The query above names exactly these columns.
    return { ...row, ...times } as unknown as StoredEvent;
  });
}

/** The one row that matches, waited for; more than one is an error. */
export function storedEvent(stack: TestStack, filter: RowFilter): Promise<StoredEvent> {
  return eventually(async () => {
    const [first, ...more] = await findEvents(stack, filter);
    assert.ok(first, `no row for ${JSON.stringify(filter)}`);
    assert.deepEqual(more, [], 'there is more than one row');
    return first;
  });
}

/** How many rows match when everything accepted so far is stored. */
export async function countSettled(stack: TestStack, filter: RowFilter = {}): Promise<number> {
  await settle(stack);
  const sql = `SELECT toUInt32(count()) AS n FROM events WHERE ${WHERE} AND event_type != {marker:String}`;
  const [row] = await stack.inspector.rows(sql, { ...parametersOf(stack, filter), marker: MARKER });
  return Number(row?.['n']);
}

const MARKER = 'test.marker';

/** Waits until everything accepted so far is stored: the stream is in order, so what follows it tells. */
export async function settle(stack: TestStack): Promise<void> {
  const { url, credentials } = stack.connection;
  const id = randomUUID();
  const answer = await httpCall(`${url}/v1/ingest`, {
    headers: { 'content-type': 'application/json', 'x-api-key': credentials.apiKey },
    body: JSON.stringify([{ id, type: MARKER }]),
  });
  assert.equal(answer.status, 202, answer.text);
  await storedEvent(stack, { eventId: id });
}

function parametersOf(stack: TestStack, { eventId = '', eventType = '', workspaceId }: RowFilter) {
  return { eventId, eventType, workspaceId: workspaceId ?? stack.connection.workspaceId };
}
