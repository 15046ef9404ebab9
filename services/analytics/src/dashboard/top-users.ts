import type { DashboardStore } from './dashboard-store.ts';
import type { LikelyTop } from './likely-top.ts';
import type { Selection, TopUser } from './questions.ts';
import { foundUserRow, topUsersSql } from './statements.ts';

/** The statements' pairs of a negated count and the hash of a user's id, most events first. */
export type TopHashes = readonly (readonly [string, string])[];

type UserDetails = Omit<TopUser, 'events'>;

/**
 * Finds who is in front by `find`, and what is known of them; of those who were in front last time at once, of others when it is known
 * that they are.
 */
export async function findTopUsers<Found extends { readonly top: TopHashes }>(
  store: DashboardStore,
  likelyTop: LikelyTop,
  selection: Selection,
  find: () => Promise<Found>,
): Promise<{ found: Found; topUsers: readonly TopUser[] }> {
  const [found, likely] = await Promise.all([find(), detailsOf(store, likelyTop.of(selection))]);
  const hashes = found.top.map(([, hash]) => hash);
  likelyTop.remember(selection, hashes);
  const others = await detailsOf(
    store,
    hashes.filter((hash) => !likely.has(hash)),
  );
  const topUsers = found.top.flatMap(([negated, hash]) => {
    const user = likely.get(hash) ?? others.get(hash);
    // None of their events is left: somebody is deleting them.
    return user === undefined ? [] : [{ ...user, events: -Number(negated) }];
  });
  return { found, topUsers };
}

async function detailsOf(
  store: DashboardStore,
  hashes: readonly string[],
): Promise<ReadonlyMap<string, UserDetails>> {
  if (hashes.length === 0) return new Map();
  const found = await store.ask('dashboard_top_users', {
    sql: topUsersSql,
    row: foundUserRow,
    params: { userHashes: hashes.map(BigInt) },
  });
  return new Map(found.map(({ userHash, ...user }) => [userHash, user]));
}
