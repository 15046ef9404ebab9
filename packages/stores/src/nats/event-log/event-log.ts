import { type Clock, type Logger, MillraceError, waitWithin } from '@millrace/runtime';
import { ErrorCode, type JetStreamManager, NatsError } from 'nats';
import type { NatsConnection } from '../connect.ts';
import { type Leases, openLeases } from './leases.ts';
import { openPositions, type Positions } from './positions.ts';
import { type LogReader, openLogReader } from './reader.ts';
import { EVENTS_STREAM, type Shard, shardNumber, shardSubject } from './streams.ts';

/** The stream `EVENTS` as its readers need it. */
export interface EventLog {
  readonly positions: Positions;
  readonly leases: Leases;
  openReader(shard: Shard, afterSeq: number): LogReader;
  /** The last sequence that was given out. */
  lastSeq(): Promise<number>;
  /** The shards that have messages, of whatever layout: an old one is read until it is empty. */
  shards(): Promise<Shard[]>;
  /** Purges what every reader of a shard has passed and nobody may want again; tells how many messages went. */
  trim(shard: Shard): Promise<number>;
  /** The same, of a stream that is more than half full; of another one nothing. */
  trimCrowded(shard: Shard): Promise<number>;
}

const REQUEST_TIMEOUT_MS = 5_000;

/** Milliseconds for which an event stays in the stream though every reader has passed it: for replays. */
const KEEP_MS = 24 * 60 * 60 * 1_000;

/** Above this part of its room the stream keeps nothing that every reader has passed. */
const CROWDED = 0.5;

const NOT_FOUND = '404';
const SUBJECT = /^events\.(\d{1,3})\.(\d{1,3})$/;

/** Opens the log; the stream must exist. */
export async function openEventLog(options: {
  connection: NatsConnection;
  /** Copies of each record about readers: 3 in a cluster, 1 otherwise. */
  replicas: number;
  /** Names this process among all others. */
  owner: string;
  /** How far a reader may read ahead, in bytes. */
  readAheadBytes: number;
  clock: Clock;
  log: Logger;
}): Promise<EventLog> {
  const { connection, clock, log } = options;
  const manager: JetStreamManager = await waitWithin(connection.startup, 'JetStream', () =>
    connection.jetstreamManager({ timeout: REQUEST_TIMEOUT_MS }),
  );
  const positions = await openPositions(options);
  return {
    positions,
    leases: await openLeases(options),
    openReader: (shard, afterSeq) =>
      openLogReader({
        connection,
        stream: EVENTS_STREAM,
        subject: shardSubject(shard),
        afterSeq,
        maxBufferedBytes: options.readAheadBytes,
        clock,
        log,
      }),
    async lastSeq() {
      return (await manager.streams.info(EVENTS_STREAM)).state.last_seq;
    },
    async shards() {
      const { state } = await manager.streams.info(EVENTS_STREAM, { subjects_filter: 'events.>' });
      return Object.keys(state.subjects ?? {}).flatMap((subject) => shardOfSubject(subject) ?? []);
    },
    ...createTrimmer({ connection, manager, positions, clock, log }),
  };
}

/** The shard that a subject of `EVENTS` belongs to; undefined for one that is none's. */
export function shardOfSubject(subject: string): Shard | undefined {
  const [, count, index] = SUBJECT.exec(subject) ?? [];
  return count === undefined || index === undefined
    ? undefined
    : { count: Number(count), index: Number(index) };
}

/** Purges only what every reader has passed, so that no event leaves the stream before it is stored. */
function createTrimmer(options: {
  connection: NatsConnection;
  manager: JetStreamManager;
  positions: Positions;
  clock: Clock;
  log: Logger;
}): Pick<EventLog, 'trim' | 'trimCrowded'> {
  const { manager, positions, clock, log } = options;
  const look = async () => {
    const { state, config } = await manager.streams.info(EVENTS_STREAM);
    const crowded = config.max_bytes > 0 && state.bytes > config.max_bytes * CROWDED;
    return { crowded, firstSeq: state.first_seq };
  };
  const trim = async (shard: Shard, { crowded, firstSeq }: Awaited<ReturnType<typeof look>>) => {
    const passed = await positions.least(shardNumber(shard));
    if (passed === 0) return 0;
    const firstKept = crowded
      ? passed + 1
      : Math.min(
          passed + 1,
          await firstSince(options.connection, shardSubject(shard), clock.now() - KEEP_MS),
        );
    if (firstKept <= firstSeq) return 0;
    const { purged } = await manager.streams.purge(EVENTS_STREAM, {
      filter: shardSubject(shard),
      seq: firstKept,
    });
    if (purged > 0) log.info({ shard: shardNumber(shard), firstKept, purged, crowded }, 'stream trimmed');
    return purged;
  };
  return {
    trim: async (shard) => trim(shard, await look()),
    async trimCrowded(shard) {
      const state = await look();
      return state.crowded ? trim(shard, state) : 0;
    },
  };
}

/** The sequence of a subject's first message that is not older; infinite when all are. */
async function firstSince(connection: NatsConnection, subject: string, sinceMs: number): Promise<number> {
  const request = JSON.stringify({
    next_by_subj: subject,
    start_time: new Date(sinceMs).toISOString(),
    batch: 1,
  });
  try {
    const answer = await connection.request(`$JS.API.DIRECT.GET.${EVENTS_STREAM}`, request, {
      timeout: REQUEST_TIMEOUT_MS,
    });
    const code = answer.headers?.code ?? 0;
    if (String(code) === NOT_FOUND) return Number.POSITIVE_INFINITY;
    const seq = Number(answer.headers?.get('Nats-Sequence') || Number.NaN);
    if (code > 0 || !Number.isSafeInteger(seq)) {
      throw new MillraceError('unavailable', `the stream can not be read: ${code}`);
    }
    return seq;
  } catch (error) {
    if (error instanceof NatsError && error.code === ErrorCode.Timeout) {
      throw new MillraceError('unavailable', 'the stream did not answer in time', { cause: error });
    }
    throw error;
  }
}
