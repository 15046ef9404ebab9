import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '@millrace/embedded';
import { createInspector } from '@millrace/testkit';
import { type Arrival, type HookKind, type Hooks, hookedType } from '../client/hooks.ts';
import type { FaultOutcome } from '../matrix/fault.ts';

/** Longest pause of the schedule of retries, and some. */
const arriveDeadlineMs = 120_000;

/** What came to the endpoints. */
export interface DeliveryFindings {
  readonly calls: NonNullable<FaultOutcome['calls']>;
  readonly problems: readonly string[];
}

/** An event that is stored, and the sequence of the message that it came in. */
interface StoredEvent {
  readonly id: string;
  readonly seq: number;
}

/** Waits until every stored event has come to every endpoint, and looks how. */
export async function inspectDeliveries(connection: Connection, hooks: Hooks): Promise<DeliveryFindings> {
  const stored = await readStored(connection);
  const giveUpAt = performance.now() + arriveDeadlineMs;
  while (kindsOf(hooks).some(([, came]) => missing(stored, came).length > 0) && performance.now() < giveUpAt)
    await sleep(200);
  const all = kindsOf(hooks).reduce((sum, [, came]) => sum + came.length, 0);
  const once = kindsOf(hooks).reduce((sum, [, came]) => sum + firstOf(came).size, 0);
  return {
    calls: { all, repeated: all - once },
    problems: [
      ...(stored.length === 0 ? ['no event was due to anybody'] : []),
      ...(hooks.refused === 0 ? ['the endpoint that fails was never called while it did'] : []),
      ...kindsOf(hooks).flatMap(([kind, came]) => problemsOf(kind, came, stored)),
    ],
  };
}

function problemsOf(kind: HookKind, came: readonly Arrival[], stored: readonly StoredEvent[]): string[] {
  const lost = missing(stored, came);
  const known = new Set(stored.map(({ id }) => id));
  const strangers = came.filter(({ id }) => !known.has(id));
  const first = firstOf(came);
  const renamed = came.filter(({ id, deliveryId }) => first.get(id)?.deliveryId !== deliveryId);
  const inversions = kind === 'ordered' ? inversionsIn([...first.keys()], stored) : [];
  const described = (what: string, ids: readonly string[]) =>
    ids.length === 0 ? [] : [`${kind}: ${ids.length} ${what}, like ${ids.slice(0, 3).join(', ')}`];
  return [
    ...described('events never came', lost),
    ...described(
      'events came that are not stored',
      strangers.map(({ id }) => id),
    ),
    ...described(
      'events came under another id',
      renamed.map(({ id }) => id),
    ),
    ...described('events came behind later ones', inversions),
  ];
}

function missing(stored: readonly StoredEvent[], came: readonly Arrival[]): string[] {
  const ids = new Set(came.map(({ id }) => id));
  return stored.flatMap(({ id }) => (ids.has(id) ? [] : [id]));
}

/** By event, in the order in which they came first. */
function firstOf(came: readonly Arrival[]): Map<string, Arrival> {
  const first = new Map<string, Arrival>();
  for (const arrival of came) if (!first.has(arrival.id)) first.set(arrival.id, arrival);
  return first;
}

function inversionsIn(ids: readonly string[], stored: readonly StoredEvent[]): string[] {
  const seqs = new Map(stored.map(({ id, seq }) => [id, seq]));
  let highest = 0;
  return ids.filter((id) => {
    const seq = seqs.get(id) ?? 0;
    const isBehind = seq < highest;
    highest = Math.max(highest, seq);
    return isBehind;
  });
}

function kindsOf({ arrivals }: Hooks): [HookKind, readonly Arrival[]][] {
  return [
    ['steady', arrivals.steady],
    ['ordered', arrivals.ordered],
    ['failing', arrivals.failing],
  ];
}

async function readStored({ clickhouse }: Connection): Promise<StoredEvent[]> {
  const inspector = createInspector(clickhouse);
  try {
    const rows = await inspector.rows(
      `SELECT JSONExtractString(payload, 'fault') AS id, toFloat64(_seq) AS seq FROM events WHERE event_type = {type:String}
SETTINGS optimize_use_projections = 0`,
      { type: hookedType },
    );
    return rows.map((row) => ({ id: String(row['id']), seq: Number(row['seq']) }));
  } finally {
    await inspector.close();
  }
}
