import { type Cursors, ENDPOINT_GROUPS, type GroupCursors, type Lease } from '@millrace/stores';
import type { Position } from '@millrace/wire';
import type { Lane } from './lane.ts';

/** The group that an endpoint belongs to, by FNV-1a of its id: it is served by whoever has the group. */
export function groupOf(endpointId: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < endpointId.length; i++) {
    hash = Math.imul(hash ^ endpointId.charCodeAt(i), 0x01000193);
  }
  return (hash >>> 0) % ENDPOINT_GROUPS;
}

/** The groups of one of several partitions, which are leased one by one. */
export function groupsOf(partition: number, partitions: number): number[] {
  return Array.from({ length: ENDPOINT_GROUPS }, (_, group) => group).filter(
    (group) => group % partitions === partition,
  );
}

/** A group of endpoints that this process serves. */
export class Group {
  readonly number: number;
  readonly lease: Lease;
  readonly streamId: string;
  readonly lanes = new Map<string, Lane>();
  /** What is stored of its cursors; nothing is, at the start. */
  readonly stored: GroupCursors;
  #head: number;
  #revision: number;
  #writtenAtMs = 0;
  /** Whether a lane has come or gone since its cursors were written. */
  isChanged = false;

  constructor(options: {
    number: number;
    lease: Lease;
    /** The stream that is there now. */
    streamId: string;
    stored: { cursors: GroupCursors; revision: number } | undefined;
  }) {
    this.number = options.number;
    this.lease = options.lease;
    this.streamId = options.streamId;
    this.stored = options.stored?.cursors ?? {
      stream: options.streamId,
      head: 0,
      endpoints: {},
      failing: {},
    };
    this.#head = this.stored.head;
    this.#revision = options.stored?.revision ?? 0;
  }

  /** Whether another stream has come in the place of the one that its endpoints had read: they are due all of it. */
  get isOfAnotherStream(): boolean {
    return this.stored.stream !== this.streamId;
  }

  /** Up to where an endpoint had come when that was written last; undefined for one that wasn't known then. */
  storedCursor(endpointId: string): number | undefined {
    const cursor = this.stored.endpoints[endpointId];
    return cursor === null ? this.stored.head : cursor;
  }

  /** Whether its cursors should be written: soon where deliveries were made, now and then where only the tail went on. */
  needsWriting(tail: Position, nowMs: number): boolean {
    if (this.lanes.size === 0 && !this.isChanged) return false;
    if (this.isChanged) return true;
    for (const lane of this.lanes.values()) if (lane.isDirty) return true;
    return tail.seq !== this.#head && nowMs - this.#writtenAtMs >= HEAD_MS;
  }

  /** Writes them. False when another has the group now. Throws MillraceError `unavailable`. */
  async write(cursors: Cursors, tail: Position, nowMs: number): Promise<boolean> {
    const head = tail.seq;
    const endpoints: Record<string, number | null> = {};
    const failing: Record<string, number> = {};
    const dirty = [...this.lanes.values()].filter((lane) => lane.isDirty);
    for (const [id, lane] of this.lanes) {
      const cursor = lane.cursor(tail);
      endpoints[id] = cursor >= head ? null : cursor;
      if (lane.failingSinceMs > 0) failing[id] = lane.failingSinceMs;
      lane.isDirty = false;
    }
    const wasChanged = this.isChanged;
    this.isChanged = false;
    try {
      const revision = await cursors.write(
        this.number,
        { stream: this.streamId, head, endpoints, failing },
        this.#revision,
      );
      if (revision === undefined) return false;
      this.#revision = revision;
      this.#head = head;
      this.#writtenAtMs = nowMs;
      return true;
    } catch (error) {
      for (const lane of dirty) lane.isDirty = true;
      this.isChanged ||= wasChanged;
      throw error;
    }
  }
}

/** How old the written place of the tail may become, in milliseconds: so much of the stream is read again after a crash. */
const HEAD_MS = 5_000;
