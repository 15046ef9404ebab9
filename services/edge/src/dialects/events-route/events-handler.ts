import type { Grant } from '../../clients/credentials.ts';
import type { Exchange } from '../../server/exchange.ts';
import type { Failure } from '../../server/failure.ts';
import type { Reply } from '../../server/reply.ts';

/** One of the dialects that share `POST /api/v1/events`. */
export interface EventsHandler {
  /** Answers the exchange; `body` is there already when it had to be read to choose the dialect. */
  handle(exchange: Exchange, grant: Grant, body?: Buffer): Promise<void>;
  /** The dialect's answer to a failure. */
  encodeFailure(failure: Failure): Reply;
}
