import type { EnvelopeItem } from '@millrace/stores';

/** An encoded event on its way to ingest. */
export type AcceptItem = Pick<EnvelopeItem, 'framed' | 'dedupKey' | 'bodyHash' | 'eventId'>;

/** `millrace.ingest.v1.Outcome`, by number. */
export const OUTCOME = { accepted: 1, duplicate: 2, conflict: 3, unavailable: 4 } as const;

/** What ingest answers: a number of `OUTCOME` for each item, and the first copy's id where it isn't the item's own. */
export interface AcceptResult {
  readonly outcomes: Uint8Array;
  readonly originalEventIds: Readonly<Record<number, string>>;
}

/** The ingest service, in this process or over gRPC. */
export interface IngestGateway {
  /** Throws MillraceError `unavailable` or `resource_exhausted` when nothing is known to be stored. */
  accept(items: readonly AcceptItem[], traceparents: readonly string[]): Promise<AcceptResult>;
}
