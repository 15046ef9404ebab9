import { Code, ConnectError, type HandlerContext } from '@connectrpc/connect';
import type { LimitVerdict } from '../server/limits/request-limits.ts';

/** Holds a call to a limit: its answer gets the headers; over the limit throws `resource_exhausted`. */
export async function limitCall(context: HandlerContext, verdict: LimitVerdict): Promise<void> {
  if (verdict === undefined) return;
  const { headers, retryAfterSeconds } = await verdict;
  for (let i = 0; i < headers.length; i += 2)
    context.responseHeader.set(headers[i] ?? '', headers[i + 1] ?? '');
  if (retryAfterSeconds === undefined) return;
  // As a header, not as the error's metadata, which gRPC would send in the trailer.
  context.responseHeader.set('retry-after', String(retryAfterSeconds));
  throw new ConnectError('too many requests', Code.ResourceExhausted);
}
