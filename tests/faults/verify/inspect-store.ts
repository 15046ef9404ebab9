import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '@millrace/embedded';
import { nativeRequest } from '../client/dialect-requests.ts';
import type { HttpClient } from '../client/http-client.ts';
import type { Ledger } from '../client/ledger.ts';
import { type EventRows, openEventRows, type RowCounts } from './event-rows.ts';

const drainDeadlineMs = 60_000;
// A message that a client library still holds after the last answer leaves it within this time.
const settleMs = 700;
// Spread over at most four shards by a hash: that one of them gets none has a chance of one in 25 million.
const lastEvents = 64;

/** What the store holds once everything that was accepted had its chance to arrive. */
export interface Findings {
  readonly comparison: Comparison;
  readonly counts: RowCounts;
  readonly drainMs: number;
  readonly problems: readonly string[];
}

/**
 * Drains and compares. A shard is stored in order: once the last event of each is there, what came before it is stored
 * or never will be.
 */
export async function inspectStore(options: {
  connection: Connection;
  client: HttpClient;
  ledger: Ledger;
  prefix: string;
}): Promise<Findings> {
  const { ledger } = options;
  const rows = openEventRows(options.connection);
  try {
    const startedAt = performance.now();
    await sleep(settleMs);
    const isDrained = await sendLastAndWait(options, rows, startedAt + drainDeadlineMs);
    const drainMs = performance.now() - startedAt;
    const comparison = compare(ledger, await rows.ids());
    const counts = await rows.counts();
    const problems = [
      ...(isDrained ? [] : [`not drained in ${drainDeadlineMs / 1000} s`]),
      ...comparisonProblems(comparison),
      ...countProblems(counts, comparison),
    ];
    return { comparison, counts, drainMs, problems };
  } finally {
    await rows.close();
  }
}

async function sendLastAndWait(
  options: { connection: Connection; client: HttpClient; ledger: Ledger; prefix: string },
  rows: EventRows,
  deadline: number,
): Promise<boolean> {
  const prefix = `${options.prefix}-last`;
  const ids = Array.from({ length: lastEvents }, (_, place) => `${prefix}${place}`);
  const request = nativeRequest(options.connection, ids);
  options.ledger.sent(ids);
  while (performance.now() < deadline) {
    const answer = await options.client.send(request);
    if (answer.kind === 'stored') options.ledger.accepted(answer.ids);
    if (ids.every((id) => options.ledger.isAccepted(id))) break;
    await sleep(200);
  }
  while (performance.now() < deadline) {
    const stored = await rows.countOf(prefix).catch(() => 0);
    if (stored === lastEvents) return true;
    await sleep(50);
  }
  return false;
}

/** What the store holds against what the client was told. */
interface Comparison {
  readonly rows: number;
  /** Accepted and not stored. */
  readonly lost: readonly string[];
  /** Stored more than once. */
  readonly doubled: readonly string[];
  /** Stored and never sent. */
  readonly strangers: readonly string[];
}

/** Holds the stored ids, one entry for each row, against a ledger: accepted ⊆ rows ⊆ sent, each once. */
export function compare(ledger: Ledger, storedIds: readonly string[]): Comparison {
  const met = new Set<string>();
  const doubled = new Set<string>();
  const strangers = new Set<string>();
  for (const id of storedIds) {
    if (met.has(id)) doubled.add(id);
    met.add(id);
    if (!ledger.sentIds.has(id)) strangers.add(id);
  }
  const lost = [...ledger.acceptedIds].filter((id) => !met.has(id));
  return { rows: storedIds.length, lost, doubled: [...doubled], strangers: [...strangers] };
}

function comparisonProblems({ lost, doubled, strangers }: Comparison): string[] {
  const described = (what: string, ids: readonly string[]) =>
    ids.length === 0 ? [] : [`${ids.length} ${what}, like ${ids.slice(0, 3).join(', ')}`];
  return [
    ...described('accepted events lost', lost),
    ...described('events doubled', doubled),
    ...described('rows of events never sent', strangers),
  ];
}

function countProblems(counts: RowCounts, comparison: Comparison): string[] {
  const { base, distinctEventIds, byType, byPosition, byUser } = counts;
  const expected = { base, distinctEventIds, byType, byPosition, byUser };
  return Object.entries(expected).flatMap(([name, count]) =>
    count === comparison.rows ? [] : [`${name} counts ${count} of ${comparison.rows} rows`],
  );
}
