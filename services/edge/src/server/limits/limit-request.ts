import type { Exchange } from '../exchange.ts';
import { RequestFailure } from '../failure.ts';
import type { Limited, LimitVerdict, RequestLimits } from './request-limits.ts';

/** Holds a request to a limit: its answer gets the headers; over the limit throws RequestFailure `rate_limited`. */
export function limitCaller(
  exchange: Pick<Exchange, 'addHeaders'>,
  verdict: LimitVerdict,
): void | Promise<void> {
  if (verdict === undefined) return;
  return verdict instanceof Promise
    ? verdict.then((late) => apply(exchange, late))
    : apply(exchange, verdict);
}

function apply(exchange: Pick<Exchange, 'addHeaders'>, { headers, retryAfterSeconds }: Limited): void {
  exchange.addHeaders(headers);
  if (retryAfterSeconds !== undefined) throw new RequestFailure({ kind: 'rate_limited', retryAfterSeconds });
}

/** Where people sign in. */
const SIGN_IN_PATH = '/api/auth/';

/**
 * Limits the sign-in paths by client address, before anything else of a request is looked at: `path` is the route's, or what was
 * asked for where there is none, since trying paths out counts as well.
 */
export function limitSignIn(
  limits: RequestLimits,
): (exchange: Exchange, path: string) => void | Promise<void> {
  return (exchange, path) => {
    if (!isAddressLimited(path)) return;
    return limitCaller(exchange, limits.address(exchange.clientAddress()));
  };
}

/** Whether `limitSignIn` counts what is asked of a path. */
export function isAddressLimited(path: string): boolean {
  return path.startsWith(SIGN_IN_PATH);
}
