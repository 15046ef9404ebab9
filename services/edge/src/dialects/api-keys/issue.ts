import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { CredentialKind } from '@millrace/contracts/millrace/auth/v1/auth';
import { AUTH_CALL } from '../../gateway/auth.ts';
import type { Route } from '../../http/route.ts';
import { actorOf } from '../actor.ts';
import { authenticate } from '../authenticate.ts';
import type { DialectDeps } from '../dialect.ts';
import { receiveJson } from '../receive-json.ts';
import { CREATE_DOCUMENTATION, ROTATE_DOCUMENTATION } from './documentation.ts';
import { encodeApiKeysFailure, encodeNewKey } from './encode.ts';
import { KEYS_ACCESS, keyId, toLimit } from './key-route.ts';
import { newKey, rotation } from './schema.ts';

/** Makes a key. */
export function createRoute(deps: DialectDeps): Route {
  return {
    method: 'POST',
    path: '/api-keys',
    access: KEYS_ACCESS,
    documentation: CREATE_DOCUMENTATION,
    async handle(exchange) {
      const grant = await authenticate(exchange, deps, KEYS_ACCESS);
      const { name, permissions, expiresAt, rateLimit } = await receiveJson(exchange, newKey);
      const request = {
        workspaceId: grant.workspaceId,
        userId: grant.userId,
        kind: CredentialKind.SECRET_KEY,
        name,
        permissions,
        ...(expiresAt === undefined ? {} : { expiresAt: timestampFromMs(expiresAt) }),
        ...(rateLimit === undefined ? {} : { rateLimit: toLimit(rateLimit) }),
        actor: actorOf(exchange, grant),
      };
      exchange.reply(encodeNewKey(await deps.auth.credentials.createCredential(request, AUTH_CALL)));
    },
    encodeFailure: encodeApiKeysFailure,
  };
}

/** Makes a key's successor. */
export function rotateRoute(deps: DialectDeps): Route {
  return {
    method: 'POST',
    path: '/api-keys/:id/rotate',
    access: KEYS_ACCESS,
    documentation: ROTATE_DOCUMENTATION,
    async handle(exchange) {
      const grant = await authenticate(exchange, deps, KEYS_ACCESS);
      const id = keyId(exchange);
      const { overlapSeconds } = await receiveJson(exchange, rotation, { optional: true });
      const request = {
        workspaceId: grant.workspaceId,
        id,
        overlapSeconds,
        actor: actorOf(exchange, grant),
      };
      exchange.reply(encodeNewKey(await deps.auth.credentials.rotateCredential(request, AUTH_CALL)));
    },
    encodeFailure: encodeApiKeysFailure,
  };
}
