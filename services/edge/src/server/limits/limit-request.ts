import type { Exchange } from '../exchange.ts';
import { RequestFailure } from '../failure.ts';
import type { Route } from '../route.ts';
import type { Limited, LimitVerdict, RequestLimits } from './request-limits.ts';

/** Holds an exchange to a limit: its answer gets the headers; over the limit throws RequestFailure `rate_limited`. */
export function limitExchange(exchange: Exchange, verdict: LimitVerdict): void | Promise<void> {
  if (verdict === undefined) return;
  return verdict instanceof Promise
    ? verdict.then((late) => apply(exchange, late))
    : apply(exchange, verdict);
}

function apply(exchange: Exchange, { headers, retryAfterSeconds }: Limited): void {
  exchange.addHeaders(headers);
  if (retryAfterSeconds !== undefined) throw new RequestFailure({ kind: 'rate_limited', retryAfterSeconds });
}

/** Where people sign in. */
const SIGN_IN_PATH = '/api/auth/';

/** Limits the sign-in routes by client address, before anything else of a request is looked at. */
export function limitSignIn(routes: readonly Route[], limits: RequestLimits): readonly Route[] {
  return routes.map((route) => (route.path.startsWith(SIGN_IN_PATH) ? limited(route, limits) : route));
}

function limited(route: Route, limits: RequestLimits): Route {
  return {
    ...route,
    handle(exchange) {
      const held = limitExchange(exchange, limits.address(exchange.clientAddress()));
      return held instanceof Promise ? held.then(() => route.handle(exchange)) : route.handle(exchange);
    },
  };
}

/** The same limit for what no route answers: trying paths out counts as well. */
export function limitUnroutedSignIn(
  limits: RequestLimits,
): (exchange: Exchange, path: string) => void | Promise<void> {
  return (exchange, path) => {
    if (!path.startsWith(SIGN_IN_PATH)) return;
    return limitExchange(exchange, limits.address(exchange.clientAddress()));
  };
}
