import type { LatencySummary } from './latency-histogram.ts';

/** Which client-given ids the events of a load have. */
export type EventIds =
  | { readonly kind: 'unique' }
  | { readonly kind: 'none' }
  /** The same ids again after so many events. */
  | { readonly kind: 'cycle'; readonly size: number };

/** When a load ends. Both end at `limitMs` at the latest. */
export type LoadEnd =
  | { readonly kind: 'time'; readonly measureMs: number }
  | { readonly kind: 'events'; readonly events: number; readonly limitMs: number };

/** A load that is put on a server. */
export interface LoadSpec {
  readonly port: number;
  /** Without query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly connections: number;
  /** Events in each request; 1 is a single event's body and not an array of one. */
  readonly batchSize: number;
  readonly ids: EventIds;
  /** Number of the first event; what follows it is never used again. */
  readonly firstEvent: number;
  /** Requests of this time count for nothing. */
  readonly warmUpMs: number;
  readonly end: LoadEnd;
}

/** What came of a load, without its warm-up. */
export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** Requests by the status they were answered with. */
  readonly statuses: Readonly<Record<string, number>>;
  /** In microseconds. */
  readonly latency: LatencySummary;
  /** Events of the requests that were answered 202, warm-up included. */
  readonly acceptedEvents: number;
  /** Number of the first event that was not sent, warm-up included. */
  readonly nextEvent: number;
  /** Processor seconds of the generator itself. */
  readonly cpuSeconds: number;
}

/** What the load generator tells its parent. */
export type LoadReport =
  | { readonly kind: 'measuring' }
  | { readonly kind: 'done'; readonly result: LoadResult }
  | { readonly kind: 'failed'; readonly reason: string };
