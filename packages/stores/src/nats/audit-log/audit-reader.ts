import { setTimeout as delay } from 'node:timers/promises';
import { fromBinary } from '@bufbuild/protobuf';
import { type AuditEntry, AuditEntrySchema } from '@millrace/contracts/millrace/audit/v1/audit';
import { MillraceError } from '@millrace/runtime';
import {
  AckPolicy,
  type ConsumerConfig,
  type ConsumerMessages,
  DeliverPolicy,
  type JetStreamManager,
  type JsMsg,
  NatsError,
  nanos,
} from 'nats';
import type { NatsConnection } from '../connect.ts';
import { AUDIT_STREAM, ensureAuditStream } from './audit-log.ts';

/** A message of the stream, lent until it is answered by one of the two calls. */
export interface AuditDelivery {
  /** Its position in the stream. */
  readonly seq: number;
  /** Undefined when the message can't be read as an entry. */
  readonly entry: AuditEntry | undefined;
  /** It is stored: never lend it again. */
  confirm(): void;
  /** It can't be stored: never lend it again. */
  discard(): void;
}

/** Takes the entries that wait to be stored, shared with every other reader of the installation. */
export interface AuditReader {
  /**
   * Waits for an entry, then a moment for others, and lends at most 1,000; none once the signal has aborted.
   * Throws `unavailable` when it has failed: another one must then be opened. A lost connection is no failure.
   */
  take(signal: AbortSignal): Promise<AuditDelivery[]>;
  /** Gives back what was not answered, for anybody to take. Throws when that can't be said; it is then lent again later. */
  close(): Promise<void>;
}

const BATCH_ENTRIES = 1_000;
/** How long the first entry of a batch waits for others. */
const GATHER_MS = 250;
const ACK_WAIT_MS = 30_000;
/** NATS says every half of it that it is there; one that has been silent for the whole is asked anew. */
const PULL_EXPIRES_MS = 10_000;
const REQUEST_TIMEOUT_MS = 3_000;

/** Opens a reader, making the stream and its durable consumer when they are missing. Throws `unavailable`. */
export async function openAuditReader(options: {
  connection: NatsConnection;
  /** Copies of each entry: 3 in a cluster, 1 otherwise. */
  replicas: number;
  /** Milliseconds until what a dead reader held is lent again; 30,000 unless somebody can't wait. */
  ackWaitMs?: number;
}): Promise<AuditReader> {
  const { connection, replicas, ackWaitMs = ACK_WAIT_MS } = options;
  const waiting: JsMsg[] = [];
  const lent = new Set<JsMsg>();
  let wake = Promise.withResolvers<void>();
  let ended: { readonly why: unknown } | undefined;
  let messages: ConsumerMessages;
  try {
    await ensureAuditConsumer({ connection, replicas, ackWaitMs });
    const js = connection.jetstream({ timeout: REQUEST_TIMEOUT_MS });
    const consumer = await js.consumers.get(AUDIT_STREAM, AUDIT_CONSUMER);
    messages = await consumer.consume({
      max_messages: BATCH_ENTRIES,
      expires: PULL_EXPIRES_MS,
      abort_on_missing_resource: true,
      callback(message) {
        waiting.push(message);
        if (waiting.length === 1 || waiting.length === BATCH_ENTRIES) wake.resolve();
      },
    });
  } catch (cause) {
    throw unavailable(cause);
  }
  const watching = messages.closed().then((why) => {
    ended = { why };
    wake.resolve();
  });
  const lend = (message: JsMsg): AuditDelivery => {
    lent.add(message);
    const answer = (say: () => void) => () => {
      say();
      lent.delete(message);
    };
    return {
      seq: message.seq,
      entry: decode(message.data),
      confirm: answer(() => message.ack()),
      discard: answer(() => message.term()),
    };
  };

  const awake = (): Promise<void> => {
    wake = Promise.withResolvers<void>();
    return wake.promise;
  };

  return {
    async take(signal) {
      const rouse = () => wake.resolve();
      signal.addEventListener('abort', rouse);
      try {
        while (waiting.length === 0) {
          if (signal.aborted) return [];
          if (ended) throw unavailable(ended.why);
          await awake();
        }
        if (waiting.length < BATCH_ENTRIES && !signal.aborted && !ended) {
          await Promise.race([awake(), delay(GATHER_MS)]);
        }
        return signal.aborted ? [] : waiting.splice(0, BATCH_ENTRIES).map(lend);
      } finally {
        signal.removeEventListener('abort', rouse);
      }
    },
    async close() {
      // First of all nothing may come here any more: what is given back would, and be lost until its wait is over.
      messages.stop();
      await watching;
      const held = [...lent, ...waiting.splice(0)];
      lent.clear();
      for (const message of held) message.nak();
    },
  };
}

function decode(data: Uint8Array): AuditEntry | undefined {
  try {
    return fromBinary(AuditEntrySchema, data);
  } catch {
    // What exactly is wrong with the bytes helps nobody: that they are no entry is the outcome.
    return undefined;
  }
}

function unavailable(cause: unknown): MillraceError {
  return new MillraceError('unavailable', 'the audit log does not answer', { cause });
}

/** The durable consumer that every writer of the audit log shares. */
export const AUDIT_CONSUMER = 'audit-writer';

/** Lent at a time, to all writers together: bounds what each of them holds in memory. */
const MAX_LENT = 10_000;
const CONSUMER_NOT_FOUND = 10014;

/** Makes the stream and the consumer, or brings them up to date. */
export async function ensureAuditConsumer(options: {
  connection: NatsConnection;
  replicas: number;
  /** Milliseconds after which a message that nobody answered is lent again. */
  ackWaitMs?: number;
}): Promise<void> {
  const { connection, ackWaitMs = ACK_WAIT_MS } = options;
  await ensureAuditStream(connection, options.replicas);
  const manager = await connection.jetstreamManager({ timeout: REQUEST_TIMEOUT_MS });
  await ensureConsumer(manager, {
    durable_name: AUDIT_CONSUMER,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    ack_wait: nanos(ackWaitMs),
    max_ack_pending: MAX_LENT,
    max_deliver: -1,
  });
}

async function ensureConsumer(
  manager: JetStreamManager,
  config: Partial<ConsumerConfig> & { durable_name: string },
): Promise<void> {
  try {
    await manager.consumers.info(AUDIT_STREAM, config.durable_name);
  } catch (error) {
    if (!(error instanceof NatsError) || error.api_error?.err_code !== CONSUMER_NOT_FOUND) throw error;
    await manager.consumers.add(AUDIT_STREAM, config);
    return;
  }
  await manager.consumers.update(AUDIT_STREAM, config.durable_name, config);
}
