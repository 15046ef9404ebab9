import { once } from 'node:events';
import type { Clock, Logger, Tracing } from '@millrace/runtime';
import type { Cursors, ErasedUsers, Leases, Records, Retries, StoredRetry } from '@millrace/stores';
import { behind, createRecentKeys, type ReadEvent } from '@millrace/wire';
import type { Disabling, EndpointRecord } from '../endpoints/endpoint-record.ts';
import type { LiveEndpoint } from '../endpoints/live-endpoint.ts';
import { createSubscriptions } from '../matching/subscriptions.ts';
import type { WebhookMetrics } from '../metrics.ts';
import type { Targets } from '../targets/target.ts';
import { createAlarms } from './alarms.ts';
import { createAttempts } from './attempts.ts';
import { createByteBudget } from './byte-budget.ts';
import { startCatchUp } from './catch-up.ts';
import type { Delivery } from './delivery.ts';
import { createDispatcher } from './dispatcher.ts';
import { createDueRetries } from './due-retries.ts';
import { createEventSource } from './event-source.ts';
import { type Group, groupOf } from './groups.ts';
import { createInterest } from './interest.ts';
import { Lane } from './lane.ts';
import { startOwnership } from './ownership.ts';
import { createPendingRetries } from './pending-retries.ts';
import type { EventFeed, StoredLog } from './ports.ts';
import { createRecentReads } from './recent-reads.ts';
import type { Recorder } from './recorder.ts';
import { startTail } from './tail.ts';

/** Delivers the events of the stream to the endpoints of the partitions that this process has leased. */
export interface Engine {
  /** The lane of an endpoint, if this process serves it. */
  lane(endpointId: string): Lane | undefined;
  /** Has a delivery made beside what the lane reads. */
  take(lane: Lane, delivery: Delivery): void;
  /** Begins nothing more, waits for what is under way, writes how far it has come, and gives its leases back. */
  close(): Promise<void>;
}

/** What an engine works with. */
export interface EngineOptions {
  feed: EventFeed;
  stored: StoredLog;
  /** Nobody is sent a deleted user's events, wherever they are still. */
  erased: ErasedUsers;
  endpoints: Records<EndpointRecord>;
  /** An endpoint as it is delivered by; undefined when its record makes no sense. */
  liveEndpoint: (record: EndpointRecord) => LiveEndpoint | undefined;
  disable: (endpoint: LiveEndpoint, why: Pick<Disabling, 'reason' | 'failingSinceMs'>) => void;
  targets: Targets;
  recorder: Recorder;
  retries: Retries;
  cursors: Cursors;
  leases: Leases;
  partitions: number;
  maxInFlight: number;
  metrics: WebhookMetrics;
  tracing: Tracing;
  clock: Clock;
  random: () => number;
  log: Logger;
}

/** What events that wait for endpoints may take together. */
const MAX_WAITING_BYTES = 128 * 1024 * 1024;
/** How long what was attempted before is asked for, before it is attempted again. */
const KNOWN_WITHIN_MS = 30_000;

/** Starts to deliver. */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const { feed, stored, endpoints, retries, recorder, clock, log } = options;
  const lanes = new Map<string, Lane>();
  const groups = new Map<number, Group>();
  const subscriptions = createSubscriptions<LiveEndpoint, ReadEvent>();
  const alarms = createAlarms(clock);
  const budget = createByteBudget(MAX_WAITING_BYTES);
  const keys = createRecentKeys();
  const source = createEventSource({ feed, stored });
  const dueRetries = createDueRetries({
    ...{ source, stored, alarms, clock, log },
    isErased: options.erased.isErased,
    laneOf: (endpointId) => lanes.get(endpointId),
    isGone: (endpointId) => groups.has(groupOf(endpointId)) && endpoints.get(endpointId) === undefined,
    isPending: (deliveryId) => pending.has(deliveryId),
    settle: (retry) => pending.settle(retry.deliveryId, retry.messageSeq),
    wake: (lane) => dispatcher.wake(lane),
  });
  const pending = createPendingRetries({ retries, alarms, onDue: dueRetries.ring, log });
  const isWanted = (workspaceId: string) => subscriptions.has(workspaceId);
  const isRetried = (deliveryId: string) => pending.has(deliveryId);
  const matching = createInterest({ subscriptions, lanes, erased: options.erased });
  const reads = createRecentReads(feed);
  const attempts = createAttempts({
    ...options,
    pending,
    keep: source.keep,
    onChange(lane) {
      if (lane.breaker.isOpen) lane.rewind(tail.position, 1);
      dispatcher.wake(lane);
      if (lane.position !== undefined && lane.hasRoom) catchUp.wake();
    },
  });
  const dispatcher = createDispatcher({
    attempt: attempts.attempt,
    isHeld: () => recorder.isFull,
    maxInFlight: options.maxInFlight,
    alarms,
    clock,
  });

  const tail = startTail({
    ...{ feed, keys, isWanted },
    isNeeded: () => subscriptions.size > 0,
    onBegin() {
      reads.forget();
      catchUp.wake();
    },
    offer(event) {
      for (const lane of matching(event)) {
        if (lane.position === undefined && !catchUp.offer(lane, event)) catchUp.wake();
      }
    },
    onGap() {
      reads.forget();
      for (const lane of lanes.values()) lane.position ??= tail.position;
      catchUp.wake();
    },
    log,
  });
  const catchUp = startCatchUp({
    ...{ reads, stored, keys, isWanted, isRetried, matching, clock, log },
    state: feed.state,
    tail: () => tail,
    lanes: () => lanes.values(),
    onOffered: dispatcher.wake,
  });

  const add = (record: EndpointRecord, group: Group, throughSeq: number): void => {
    const endpoint = options.liveEndpoint(record);
    if (endpoint === undefined) return;
    const fromSeq = group.isOfAnotherStream ? 0 : record.fromSeq;
    const cursor = group.isOfAnotherStream ? 0 : Math.max(group.storedCursor(record.id) ?? 0, fromSeq);
    const lane = new Lane({
      fromSeq,
      ...{ endpoint, budget, clock, random: options.random, lease: group.lease },
      position: behind(cursor),
      failingSinceMs: group.stored.failing[record.id] ?? 0,
      known: throughSeq > cursor ? { throughSeq, untilMs: clock.now() + KNOWN_WITHIN_MS } : undefined,
    });
    lanes.set(record.id, lane);
    group.lanes.set(record.id, lane);
    group.isChanged = true;
    if (!lane.isActive) return;
    subscriptions.set(endpoint);
    tail.wake();
  };
  const change = (lane: Lane, record: EndpointRecord): void => {
    const endpoint = options.liveEndpoint(record);
    if (endpoint === undefined) return;
    const wasActive = lane.isActive;
    lane.endpoint = endpoint;
    if (lane.isActive) subscriptions.set(endpoint);
    else subscriptions.delete(record.id);
    if (wasActive && !lane.isActive) lane.rewind(tail.position);
    dispatcher.wake(lane);
    tail.wake();
    catchUp.wake();
  };
  const remove = (id: string): void => {
    lanes.get(id)?.close();
    lanes.delete(id);
    subscriptions.delete(id);
  };
  endpoints.onChange((one) => {
    const group = groups.get(groupOf(one.recordKey));
    if (group === undefined) return;
    const lane = lanes.get(one.recordKey);
    if (one.kind === 'removed') {
      remove(one.recordKey);
      group.lanes.delete(one.recordKey);
      group.isChanged = true;
    } else if (lane !== undefined) change(lane, one.value);
    else {
      add(one.value, group, 0);
      catchUp.wake();
    }
  });

  // Before the first group is looked through: what is put between the two would be seen by neither.
  const following = await retries.follow((retry) => {
    if (groups.has(groupOf(retry.endpointId))) pending.add(retry);
  });
  const ownership = startOwnership({
    ...options,
    groups,
    streamId: async () => (await feed.state()).id,
    async onGained(group) {
      const found: StoredRetry[] = [];
      await retries.scan(group.number, (retry) => found.push(retry), AbortSignal.timeout(KNOWN_WITHIN_MS));
      const { lastSeq: throughSeq } = await feed.state();
      for (const [id, { value }] of endpoints.entries()) {
        if (groupOf(id) === group.number && !lanes.has(id)) add(value, group, throughSeq);
      }
      // In the same turn: a retry that is due finds its endpoint, and an event that waits for one is not delivered beside it.
      dueRetries.inherit(found);
      for (const retry of found) pending.add(retry);
      catchUp.wake();
    },
    onLost(group) {
      for (const id of group.lanes.keys()) remove(id);
      pending.forget((endpointId) => groupOf(endpointId) !== group.number);
    },
    tail: () => tail.position,
  });
  options.metrics.follow({
    endpoints: () => lanes.size,
    inFlight: () => dispatcher.inFlight,
    pendingRetries: () => pending.size,
    unrecorded: () => recorder.waiting,
    open: () => [...lanes.values()].filter(({ breaker }) => breaker.isOpen).length,
    lag: () =>
      [...lanes.values()].reduce(
        (most, lane) =>
          lane.isActive ? Math.max(most, tail.position.seq - lane.cursor(tail.position)) : most,
        0,
      ),
  });

  return {
    lane: (endpointId) => lanes.get(endpointId),
    take(lane, delivery) {
      lane.take(delivery);
      dispatcher.wake(lane);
    },
    async close() {
      await Promise.all([tail.close(), catchUp.close(), following.close()]);
      await dispatcher.close();
      const enough = AbortSignal.timeout(CLOSE_MS);
      await Promise.race([attempts.settled(), once(enough, 'abort')]);
      await recorder.close(enough);
      await ownership.close();
      alarms.close();
    },
  };
}

/** How long attempts may still be recorded once nothing is begun any more. */
const CLOSE_MS = 10_000;
