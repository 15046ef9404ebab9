import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { CredentialKind } from '@millrace/contracts/millrace/auth/v1/auth';
import { AUTH_CALL } from '../../clients/auth.ts';
import type { ApiDeps } from '../../request/api.ts';
import { receiveJson } from '../../request/receive-json.ts';
import type { Route } from '../../server/route.ts';
import { actorOf } from '../actor.ts';
import { CREATE_DOCUMENTATION, ROTATE_DOCUMENTATION } from './documentation.ts';
import { encodeApiKeysFailure, encodeNewKey } from './encode.ts';
import { KEYS_ACCESS, keyId, toLimit } from './key-route.ts';
import { newKey, rotation } from './schema.ts';

/** Makes a key. */
export function createRoute(deps: ApiDeps): Route {
  return {
    method: 'POST',
    path: '/api-keys',
    access: KEYS_ACCESS,
    documentation: CREATE_DOCUMENTATION,
    async handle(exchange, grant) {
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
export function rotateRoute(deps: ApiDeps): Route {
  return {
    method: 'POST',
    path: '/api-keys/:id/rotate',
    access: KEYS_ACCESS,
    documentation: ROTATE_DOCUMENTATION,
    async handle(exchange, grant) {
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
