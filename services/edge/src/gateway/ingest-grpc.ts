import { IngestService } from '@millrace/contracts/millrace/ingest/v1/ingest';
import { createGrpcClient, type ServiceToken } from '@millrace/runtime';
import { frameTraceparent } from '@millrace/stores';
import type { IngestGateway } from './ingest.ts';

/** Ingest answers or gives up well within this; a request must not stay open longer than 10 s in all. */
const TIMEOUT_MS = 8_000;

/** Asks the ingest service over gRPC; the events' bytes go as they are. */
export function ingestOverGrpc(options: {
  address: string;
  token: ServiceToken;
}): IngestGateway & { close(): void } {
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
