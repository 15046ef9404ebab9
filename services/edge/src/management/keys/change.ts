import { AUTH_CALL } from '../../clients/auth.ts';
import type { ApiDeps } from '../../request/api.ts';
import { receiveJson } from '../../request/receive-json.ts';
import type { Route } from '../../server/route.ts';
import { actorOf } from '../actor.ts';
import { CHANGE_DOCUMENTATION, DEACTIVATE_DOCUMENTATION, DELETE_DOCUMENTATION } from './documentation.ts';
import { DELETED, encodeApiKeysFailure, encodeKey } from './encode.ts';
import { KEYS_ACCESS, keyId, toLimit } from './key-route.ts';
import { keyChanges } from './schema.ts';

/** Changes what the body names. */
export function changeRoute(deps: ApiDeps): Route {
  return {
    method: 'PATCH',
    path: '/api-keys/:id',
    access: KEYS_ACCESS,
    documentation: CHANGE_DOCUMENTATION,
    async handle(exchange, grant) {
      const id = keyId(exchange);
      const { name, permissions, isActive, rateLimit } = await receiveJson(exchange, keyChanges);
      const request = {
        workspaceId: grant.workspaceId,
        id,
        ...(name === undefined ? {} : { name }),
        ...(permissions === undefined ? {} : { permissions: { values: permissions } }),
        ...(isActive === undefined ? {} : { active: isActive }),
        ...(rateLimit === undefined ? {} : { rateLimit: toLimit(rateLimit) }),
        actor: actorOf(exchange, grant),
      };
      exchange.reply(encodeKey(await deps.auth.credentials.updateCredential(request, AUTH_CALL)));
    },
    encodeFailure: encodeApiKeysFailure,
  };
}

/** Makes a key stop working; it can be made to work again. */
export function deactivateRoute(deps: ApiDeps): Route {
  return {
    method: 'POST',
    path: '/api-keys/:id/deactivate',
    access: KEYS_ACCESS,
    documentation: DEACTIVATE_DOCUMENTATION,
    async handle(exchange, grant) {
      const { workspaceId } = grant;
      const request = { workspaceId, id: keyId(exchange), active: false, actor: actorOf(exchange, grant) };
      exchange.reply(encodeKey(await deps.auth.credentials.updateCredential(request, AUTH_CALL)));
    },
    encodeFailure: encodeApiKeysFailure,
  };
}

/** Removes a key for good. */
export function deleteRoute(deps: ApiDeps): Route {
  return {
    method: 'DELETE',
    path: '/api-keys/:id',
    access: KEYS_ACCESS,
    documentation: DELETE_DOCUMENTATION,
    async handle(exchange, grant) {
      const { workspaceId } = grant;
      const request = { workspaceId, id: keyId(exchange), actor: actorOf(exchange, grant) };
      await deps.auth.credentials.deleteCredential(request, AUTH_CALL);
      exchange.reply(DELETED);
    },
    encodeFailure: encodeApiKeysFailure,
  };
}
