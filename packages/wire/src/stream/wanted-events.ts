import { unpackEnvelope } from '../unpack.ts';
import type { Position } from './position.ts';
import type { RecentKeys } from './recent-keys.ts';

/** A message of the stream: an envelope of events. */
export interface StreamedMessage {
  readonly seq: number;
  readonly data: Buffer;
}

const KEY_BYTES = 16;
const WORKSPACE_TAG = 0x0a;

/**
 * Tells of the events of a message that are of a workspace that is wanted. Not of those that the writer won't store either: damaged ones,
 * and copies of one that was seen not long ago. Of a message that is no envelope, of none.
 */
export function wantedEvents<T>(
  { seq, data }: StreamedMessage,
  options: {
    isWanted: (workspaceId: string) => boolean;
    keys: RecentKeys;
    /**
     * The bytes are the event's own: what they came in is far larger. `traceparents` is of the whole message, and complete only once all its
     * events are made.
     */
    make: (position: Position, workspaceId: string, bytes: Buffer, traceparents: readonly string[]) => T;
  },
): T[] {
  const events: T[] = [];
  const traceparents: string[] = [];
  let index = -1;
  const problem = unpackEnvelope(
    data,
    ({ start, end, keyAt, sound }) => {
      index++;
      if (!sound) return;
      const workspaceId = workspaceIn(data, start, end);
      if (workspaceId === undefined || !options.isWanted(workspaceId)) return;
      const position = { seq, index };
      const key = keyAt === -1 ? undefined : data.toString('latin1', keyAt, keyAt + KEY_BYTES);
      if (key !== undefined && options.keys.isCopy(key, position)) return;
      events.push(options.make(position, workspaceId, Buffer.from(data.subarray(start, end)), traceparents));
    },
    (traceparent) => traceparents.push(traceparent),
  );
  return problem === undefined ? events : [];
}

/** The workspace of an encoded event. The edge writes it first, so nothing else has to be read. */
function workspaceIn(data: Buffer, start: number, end: number): string | undefined {
  const length = data[start + 1] ?? 0;
  if (data[start] !== WORKSPACE_TAG || length >= 0x80 || start + 2 + length > end) return undefined;
  return data.toString('utf8', start + 2, start + 2 + length);
}
