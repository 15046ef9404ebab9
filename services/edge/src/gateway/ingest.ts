import type { EnvelopeItem } from '@millrace/stores';

/** An encoded event on its way to ingest. */
export type AcceptItem = Pick<EnvelopeItem, 'framed' | 'dedupKey' | 'bodyHash' | 'eventId'>;

/** What ingest answers: a number of `millrace.ingest.v1.Outcome` for each item, and the first copy's id where it isn't the item's own. */
export interface AcceptResult {
  readonly outcomes: Uint8Array;
  readonly originalEventIds: Readonly<Record<number, string>>;
}

/** The ingest service, in this process or over gRPC. */
export interface IngestGateway {
  /** Throws MillraceError `unavailable` or `resource_exhausted` when nothing is known to be stored. */
  accept(items: readonly AcceptItem[], traceparents: readonly string[]): Promise<AcceptResult>;
}
