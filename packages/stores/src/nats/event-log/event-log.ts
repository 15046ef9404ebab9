import { type Clock, type Logger, waitWithin } from '@millrace/runtime';
import type { JetStreamManager } from 'nats';
import type { NatsConnection } from '../connect.ts';
import { type Leases, openLeases } from './leases.ts';
import { openPositions, type Positions } from './positions.ts';
import { type LogReader, openLogReader } from './reader.ts';
import { EVENTS_STREAM, type Shard, shardSubject } from './streams.ts';
import { createTrimmer } from './trimmer.ts';

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
  const trimmer = createTrimmer({ connection, manager, positions, clock, log });
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
      return Object.keys(state.subjects ?? {}).flatMap(readSubject);
    },
    trim: (shard) => trimmer.trim(shard),
    trimCrowded: (shard) => trimmer.trimCrowded(shard),
  };
}

function readSubject(subject: string): Shard[] {
  const [, count, index] = SUBJECT.exec(subject) ?? [];
  return count === undefined || index === undefined ? [] : [{ count: Number(count), index: Number(index) }];
}
