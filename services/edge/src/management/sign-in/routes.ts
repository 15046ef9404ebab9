import { CredentialKind } from '@millrace/contracts/millrace/auth/v1/auth';
import { AUTH_CALL } from '../../clients/auth.ts';
import { type Grant, hasPermission } from '../../clients/credentials.ts';
import type { Api, ApiDeps } from '../../request/api.ts';
import { receiveJson } from '../../request/receive-json.ts';
import type { Exchange } from '../../server/exchange.ts';
import { RequestFailure } from '../../server/failure.ts';
import type { AccessRule, Route } from '../../server/route.ts';
import { actorOf } from '../actor.ts';
import {
  KEY_DOCUMENTATION,
  ME_DOCUMENTATION,
  REQUEST_CODE_DOCUMENTATION,
  SIGN_OUT_DOCUMENTATION,
  VERIFY_DOCUMENTATION,
} from './documentation.ts';
import {
  encodeCodeFailure,
  encodeCodeSent,
  encodeKey,
  encodeKeyFailure,
  encodeSession,
  encodeSignInFailure,
  encodeUser,
  SIGNED_OUT,
} from './encode.ts';
import { signingKeysRoute } from './jwks.ts';
import { codeRequest, codeVerification, keyRequest } from './schema.ts';

/** What the documented key is for; it gets those of them that the session has. */
const KEY_PERMISSIONS = ['events:write', 'events:read', 'analytics:read'] as const;

/** A key for event ingestion is of no use to somebody who may not send events. */
const KEY_ACCESS: AccessRule = { places: ['bearer'], anyOf: ['events:write'], caller: 'person' };
const PERSON_ACCESS: AccessRule = { places: ['bearer'], anyOf: [], caller: 'person' };

/** Signing in by a code that is mailed, and what a signed-in person does first. */
export const signInApi: Api = {
  name: 'sign-in',
  routes: (deps) => [
    requestCodeRoute(deps),
    verifyRoute(deps),
    keyRoute(deps),
    meRoute(deps),
    signOutRoute(deps),
    signingKeysRoute(deps),
  ],
};

function requestCodeRoute({ auth }: ApiDeps): Route {
  return {
    method: 'POST',
    path: '/api/auth/request-code',
    access: 'public',
    documentation: REQUEST_CODE_DOCUMENTATION,
    async handle(exchange) {
      const { email } = await receiveJson(exchange, codeRequest);
      const { retryAfterSeconds } = await auth.signIn.requestCode(
        { email, actor: actorOf(exchange) },
        AUTH_CALL,
      );
      if (retryAfterSeconds > 0) throw new RequestFailure({ kind: 'rate_limited', retryAfterSeconds });
      exchange.reply(encodeCodeSent(email));
    },
    encodeFailure: encodeSignInFailure,
  };
}

function verifyRoute({ auth }: ApiDeps): Route {
  return {
    method: 'POST',
    path: '/api/auth/verify',
    access: 'public',
    documentation: VERIFY_DOCUMENTATION,
    async handle(exchange) {
      const { email, code } = await receiveJson(exchange, codeVerification);
      const session = await auth.signIn.verifyCode({ email, code, actor: actorOf(exchange) }, AUTH_CALL);
      exchange.reply(encodeSession(session));
    },
    encodeFailure: encodeCodeFailure,
  };
}

function keyRoute(deps: ApiDeps): Route {
  return {
    method: 'POST',
    path: '/api/auth/api-key',
    access: KEY_ACCESS,
    documentation: KEY_DOCUMENTATION,
    async handle(exchange, grant) {
      const { name } = await receiveJson(exchange, keyRequest);
      exchange.reply(encodeKey(await createKey(exchange, deps, grant, name)));
    },
    encodeFailure: encodeKeyFailure,
  };
}

function createKey(exchange: Exchange, { auth }: ApiDeps, grant: Grant, name: string) {
  const { workspaceId, userId } = grant;
  const permissions = KEY_PERMISSIONS.filter((permission) => hasPermission(grant, permission));
  const kind = CredentialKind.ANALYTICS_KEY;
  const actor = actorOf(exchange, grant);
  return auth.credentials.createCredential(
    { workspaceId, userId, kind, name, permissions, actor },
    AUTH_CALL,
  );
}

function meRoute(deps: ApiDeps): Route {
  return {
    method: 'GET',
    path: '/api/auth/me',
    access: PERSON_ACCESS,
    documentation: ME_DOCUMENTATION,
    async handle(exchange, { userId }) {
      const { user } = await deps.auth.signIn.getUser({ userId }, AUTH_CALL);
      exchange.reply(encodeUser(user));
    },
    encodeFailure: encodeSignInFailure,
  };
}

function signOutRoute(deps: ApiDeps): Route {
  return {
    method: 'POST',
    path: '/api/auth/sign-out',
    access: PERSON_ACCESS,
    documentation: SIGN_OUT_DOCUMENTATION,
    async handle(exchange, grant) {
      const actor = actorOf(exchange, grant);
      await deps.auth.signIn.endSessions({ userId: grant.userId, actor }, AUTH_CALL);
      exchange.reply(SIGNED_OUT);
    },
    encodeFailure: encodeSignInFailure,
  };
}
