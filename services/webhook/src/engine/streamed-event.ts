import { hash } from 'node:crypto';
import { EARLIEST_MS, LATEST_MS, type SpanContextText, traceIdOf } from '@millrace/runtime';
import { type Position, type ReadEvent, readDedupKey, readEvent } from '@millrace/wire';

/** An event on its way to endpoints: decoded once, and put into the words of a call once, however many want it. */
export class StreamedEvent {
  readonly position: Position;
  readonly workspaceId: string;
  /** `millrace.event.v1.Event`. */
  readonly bytes: Buffer;
  /** Deliveries that wait with it. */
  holders = 0;
  #read: ReadEvent | undefined;
  #body: Buffer | undefined;
  #identity: string | undefined;

  readonly #traceparents: readonly string[];

  /** The bytes are kept: they must not share the memory of something larger. `traceparents` are those of the message it came in. */
  constructor(
    position: Position,
    workspaceId: string,
    bytes: Buffer,
    traceparents: readonly string[] = UNTRACED,
  ) {
    this.position = position;
    this.workspaceId = workspaceId;
    this.bytes = bytes;
    this.#traceparents = traceparents;
  }

  get fields(): ReadEvent {
    this.#read ??= readEvent(this.bytes);
    return this.#read;
  }

  get userId(): string {
    return this.fields.userId;
  }

  /** Of the request that brought it; undefined for one that isn't sampled, or isn't in the stream any more. */
  get traceparent(): SpanContextText | undefined {
    if (this.#traceparents.length === 0) return undefined;
    const { traceId } = this.fields;
    return traceId === '' ? undefined : this.#traceparents.find((one) => traceIdOf(one) === traceId);
  }

  /** The documented body of a call, `{"event","timestamp","data"}`; `data` is the payload byte for byte. */
  get body(): Buffer {
    this.#body ??= bodyOf(this.fields);
    return this.#body;
  }

  /** The id of its delivery to an endpoint: the same however often it is read, or sent by its client. */
  deliveryId(endpointId: string): string {
    this.#identity ??= readDedupKey(this.bytes)?.toString('hex') ?? this.fields.eventId;
    return `dlv_${hash('sha256', `${endpointId}\n${this.#identity}`, 'base64url').slice(0, 22)}`;
  }
}

const UNTRACED: readonly string[] = [];
const NO_DATA = Buffer.from('null');

function bodyOf({ eventType, occurredAtMs, payload }: ReadEvent): Buffer {
  const atMs = Math.min(Math.max(occurredAtMs, EARLIEST_MS), LATEST_MS);
  const timestamp = new Date(atMs).toISOString();
  const head = `{"event":${JSON.stringify(eventType)},"timestamp":"${timestamp}","data":`;
  return Buffer.concat([Buffer.from(head), payload.length === 0 ? NO_DATA : payload, Buffer.from('}')]);
}
