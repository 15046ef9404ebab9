import { IngestService } from '@millrace/contracts/millrace/ingest/v1/ingest';
import { bindService, type GrpcServiceBinding, MillraceError } from '@millrace/runtime';
import { readEnvelope } from '@millrace/wire';
import type { Accept } from './accept.ts';

const MAX_ITEMS = 1_000;

/** `millrace.ingest.v1.IngestService` over an Accept; the events' bytes are sliced, not decoded. */
export function ingestService(accept: Accept): GrpcServiceBinding {
  return bindService(
    IngestService,
    {
      async accept(request, { traceparent }) {
        const { items, traceparents } = readEnvelope(request);
        if (items.length === 0 || items.length > MAX_ITEMS) {
          throw new MillraceError(
            'invalid_argument',
            `items: 1 to ${MAX_ITEMS} are taken, got ${items.length}`,
          );
        }
        const parents = traceparent === undefined ? traceparents : [traceparent, ...traceparents.slice(1)];
        return accept.accept(items, parents);
      },
    },
    ['accept'],
  );
}
