import { create } from '@bufbuild/protobuf';
import { type TailedEvent, TailedEventSchema } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { fieldError } from '@millrace/runtime';
import {
  behind,
  type EventFilter,
  type Position,
  type ReadEvent,
  type RecentKeys,
  readEvent,
  readTypeAndUser,
  wantedEvents,
} from '@millrace/wire';
import { encodeCursor } from './cursor.ts';
import type { FeedMessage } from './ports.ts';

/** An event of the stream, for everybody who tails its workspace: what somebody asks of it is read once for all of them. */
export class TailEvent {
  readonly position: Position;
  /** What a reader has done with once it has this: the whole message, when nothing of its workspace follows there. */
  done: Position;
  readonly workspaceId: string;
  /** `millrace.event.v1.Event`. A copy: the message that it came in is far larger. */
  readonly bytes: Buffer;
  readonly #streamId: string;
  #wanted: ReturnType<typeof readTypeAndUser> | undefined;
  #fields: ReadEvent | undefined;
  #told: TailedEvent | undefined;

  constructor(streamId: string, position: Position, workspaceId: string, bytes: Buffer) {
    this.#streamId = streamId;
    this.position = position;
    this.done = position;
    this.workspaceId = workspaceId;
    this.bytes = bytes;
  }

  get cursor(): string {
    return this.told.cursor;
  }

  get eventType(): string {
    this.#wanted ??= readTypeAndUser(this.bytes);
    return this.#wanted.eventType;
  }

  get userId(): string {
    this.#wanted ??= readTypeAndUser(this.bytes);
    return this.#wanted.userId;
  }

  /** In the words of the contract; the same object for everybody. */
  get told(): TailedEvent {
    this.#told ??= create(TailedEventSchema, {
      cursor: encodeCursor(this.#streamId, this.done),
      event: this.bytes,
    });
    return this.#told;
  }

  get fields(): ReadEvent {
    this.#fields ??= readEvent(this.bytes);
    return this.#fields;
  }
}

/**
 * The events of a message that are of a workspace that is wanted. Not those that the writer won't store either: a damaged one,
 * and a copy of one that was seen not long ago.
 */
export function eventsIn(
  message: FeedMessage,
  stream: { id: string; keys: RecentKeys; isWanted: (workspaceId: string) => boolean },
): TailEvent[] {
  const { id, ...wanted } = stream;
  const events = wantedEvents(message, {
    ...wanted,
    make: (position, workspaceId, bytes) => new TailEvent(id, position, workspaceId, bytes),
  });
  const ended = new Set<string>();
  for (const event of events.toReversed()) {
    if (ended.has(event.workspaceId)) continue;
    ended.add(event.workspaceId);
    event.done = behind(message.seq);
  }
  return events;
}

/** Which events a tail shows. */
export interface TailFilter {
  /** Exact types, `prefix.*`, or `*`; none for all. */
  readonly types: readonly string[];
  /** Empty for everybody's. */
  readonly userId: string;
  /** What else an event must meet. */
  readonly matches?: EventFilter;
}

const MAX_TYPES = 20;
const MAX_TYPE_CHARS = 255;
const MAX_USER_ID_CHARS = 128;

/** A filter as a check. Throws `invalid_argument` naming the field. */
export function compileFilter({ types, userId, matches }: TailFilter): (event: TailEvent) => boolean {
  if (types.length > MAX_TYPES) throw fieldError('types', `at most ${MAX_TYPES}`);
  if (types.some((type) => type === '' || type.length > MAX_TYPE_CHARS)) {
    throw fieldError('types', `each must have 1 to ${MAX_TYPE_CHARS} characters`);
  }
  if (userId.length > MAX_USER_ID_CHARS)
    throw fieldError('user_id', `at most ${MAX_USER_ID_CHARS} characters`);
  const exact = new Set(types.filter((type) => !type.endsWith('.*')));
  const prefixes = types.filter((type) => type.endsWith('.*')).map((type) => type.slice(0, -1));
  const everyType = types.length === 0 || exact.has('*');
  const isOfType = (type: string) => exact.has(type) || prefixes.some((prefix) => type.startsWith(prefix));
  return (event) =>
    (everyType || isOfType(event.eventType)) &&
    (userId === '' || event.userId === userId) &&
    (matches === undefined || matches(event.fields));
}
