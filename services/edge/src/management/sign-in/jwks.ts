import type { Clock } from '@millrace/runtime';
import { AUTH_CALL, type AuthGateway } from '../../clients/auth.ts';
import type { ApiDeps } from '../../request/api.ts';
import { encodeProblem } from '../../request/problem/encode-problem.ts';
import type { Route } from '../../server/route.ts';
import { JWKS_DOCUMENTATION, JWKS_TYPE } from './documentation.ts';

/** How old an answer may be. Everybody may ask, and auth shall not feel how often. */
const FRESH_MS = 5_000;

const HEADERS = ['content-type', JWKS_TYPE, 'cache-control', 'public, max-age=300'];

/** `/.well-known/jwks.json`: what others verify sessions with. */
export function signingKeysRoute({ auth, clock }: ApiDeps): Route {
  const read = rememberingKeys(auth, clock);
  return {
    method: 'GET',
    path: '/.well-known/jwks.json',
    access: 'public',
    documentation: JWKS_DOCUMENTATION,
    async handle(exchange) {
      exchange.reply({ status: 200, body: await read(), headers: HEADERS });
    },
    encodeFailure: encodeProblem,
  };
}

function rememberingKeys(auth: AuthGateway, clock: Clock): () => Promise<string> {
  let latest: { readonly keys: Promise<string>; readonly readAtMs: number } | undefined;
  return () => {
    const nowMs = clock.monotonic();
    if (latest === undefined || nowMs - latest.readAtMs >= FRESH_MS) {
      const asked = auth.signIn.getSigningKeys({}, AUTH_CALL);
      const reading = { keys: asked.then(({ jwksJson }) => jwksJson), readAtMs: nowMs };
      latest = reading;
      reading.keys.catch(() => {
        // Those who wait hear of the failure; the next one asks again.
        if (latest === reading) latest = undefined;
      });
    }
    return latest.keys;
  };
}
