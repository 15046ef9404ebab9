import { IngestService } from '@millrace/contracts/millrace/ingest/v1/ingest';
import { createGrpcClient, type GrpcClientOptions } from '@millrace/runtime';
import { type EnvelopeItem, frameTraceparent } from '@millrace/wire';

/** An encoded event on its way to ingest. */
export type AcceptItem = Pick<EnvelopeItem, 'framed' | 'dedupKey' | 'bodyHash' | 'eventId'>;

/** What ingest answers: a number of `millrace.ingest.v1.Outcome` for each item, and the original's id where it isn't the item's own. */
export interface AcceptResult {
  readonly outcomes: Uint8Array;
  readonly originalEventIds: Readonly<Record<number, string>>;
}

/** The ingest service, in this process or over gRPC. */
export interface IngestGateway {
  /** Throws MillraceError `unavailable` when nothing is known to be stored. */
  accept(items: readonly AcceptItem[], traceparents: readonly string[]): Promise<AcceptResult>;
}

/** Ingest answers or gives up well within this; a request must not stay open longer than 10 s in all. */
const TIMEOUT_MS = 8_000;

/** Asks the ingest service over gRPC; the events' bytes go as they are. */
export function ingestOverGrpc(options: GrpcClientOptions): IngestGateway & { close(): void } {
  const client = createGrpcClient(IngestService, options);
  return {
    accept(items, traceparents) {
      const frames: Buffer[] = items.map((item) => item.framed);
      for (const traceparent of traceparents) frames.push(frameTraceparent(traceparent));
      return client.raw('accept', Buffer.concat(frames), {
        timeoutMs: TIMEOUT_MS,
        traceparent: traceparents[0],
      });
    },
    close: () => client.close(),
  };
}
