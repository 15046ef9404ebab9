import type { ClickHouseClient } from '@millrace/stores';
import type { AnalyticsMetrics } from '../metrics.ts';
import { createDashboardStore } from './dashboard-store.ts';
import { fromRollups } from './from-rollups.ts';
import { fromRows } from './from-rows.ts';
import { createLikelyTop } from './likely-top.ts';
import type { Window } from './window.ts';

/** What of a workspace's events is looked at. */
export interface Selection {
  readonly workspaceId: string;
  readonly window: Window;
  /** Exactly this type; empty for all. */
  readonly eventType: string;
  /** Users with this in their id, whatever its case; empty for all. */
  readonly userIdPart: string;
}

/** How many events, by type and by bucket. */
export interface EventCounts {
  /** Most frequent first, equal ones by name; the first 1000. */
  readonly byType: readonly { readonly type: string; readonly count: number }[];
  /** By the bucket's beginning in milliseconds; buckets without events are missing. */
  readonly byBucket: ReadonlyMap<number, number>;
}

/** One of those who have most events. */
export interface TopUser {
  readonly userId: string;
  readonly events: number;
  /** Their newest event, in milliseconds since 1970. */
  readonly lastMs: number;
  /** Most frequent first, equal ones by name; the first 100. */
  readonly types: readonly string[];
}

/** The figures of a selection. */
export interface Figures {
  readonly counts: EventCounts;
  /** How many users have events. */
  readonly users: number;
  /** How many events have a user. */
  readonly userEvents: number;
  /** Most events first, equal ones by the hash of their id; the first ten. */
  readonly topUsers: readonly TopUser[];
  /** How many sessions have events. */
  readonly sessions: number;
}

/** What the dashboard is made of. */
export interface DashboardQuestions {
  /** Throws MillraceError `unavailable` when no answer comes in time. */
  figures(selection: Selection, signal: AbortSignal): Promise<Figures>;
}

const DAY_MS = 24 * 60 * 60_000;

/** Asks ClickHouse. Windows of more than a day are read from the rollups where those can tell, to the same result. */
export function createDashboardQuestions(options: {
  client: ClickHouseClient;
  metrics: AnalyticsMetrics;
}): DashboardQuestions {
  const { client, metrics } = options;
  const likelyTop = createLikelyTop();
  return {
    figures(selection, signal) {
      const store = createDashboardStore({ client, metrics, selection, signal });
      const read = readsRollups(selection) ? fromRollups : fromRows;
      return read(store, likelyTop, selection);
    },
  };
}

/** A day is read from the rows in less time; the rollup by hours knows no types, and filtering it by users costs more than it saves. */
function readsRollups({ window, eventType, userIdPart }: Selection): boolean {
  return window.endMs - window.startMs > DAY_MS && eventType === '' && userIdPart === '';
}
