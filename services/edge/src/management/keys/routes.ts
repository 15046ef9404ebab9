import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { CredentialKind } from '@millrace/contracts/millrace/auth/v1/auth';
import { AUTH_CALL } from '../../clients/auth.ts';
import { chatbotError, encodeChatbotFailure } from '../../dialects/chatbot/encode.ts';
import type { Api, ApiDeps } from '../../request/api.ts';
import { invalid, toIssues } from '../../request/issues.ts';
import { receiveJson } from '../../request/receive-json.ts';
import type { Exchange } from '../../server/exchange.ts';
import { RequestFailure } from '../../server/failure.ts';
import type { AccessRule, Route } from '../../server/route.ts';
import { actorOf } from '../actor.ts';
import {
  CHANGE_DOCUMENTATION,
  CREATE_DOCUMENTATION,
  DEACTIVATE_DOCUMENTATION,
  DELETE_DOCUMENTATION,
  GET_DOCUMENTATION,
  LIST_DOCUMENTATION,
  ROTATE_DOCUMENTATION,
} from './documentation.ts';
import { DELETED, encodeKey, encodeKeys, encodeNewKey } from './encode.ts';
import { keyChanges, newKey, pageQuery, rotation } from './schema.ts';

/** The API keys of a workspace, as the chatbot API manages them. */
export const keysApi: Api = {
  name: 'api-keys',
  unrouted: {
    prefixes: ['/api-keys'],
    errors: chatbotError,
    encodeFailure: encodeChatbotFailure,
  },
  routes: (deps) =>
    [createRoute, listRoute, getRoute, changeRoute, deleteRoute, deactivateRoute, rotateRoute].map((route) =>
      route(deps),
    ),
};

/** Who may manage keys: a person or a key, in either header. */
export const KEYS_ACCESS: AccessRule = { places: ['apiKey', 'bearer'], anyOf: ['api-keys:manage'] };

/** The id in the path. One that can't be any key's is answered as auth answers one that the workspace hasn't. */
export function keyId(exchange: Exchange): string {
  const id = exchange.params['id'] ?? '';
  if (!mayBeCredentialId(id)) throw new RequestFailure({ kind: 'not_found', message: 'no such credential' });
  return id;
}

/** A limit as auth takes it; null is none, and without a burst auth chooses one. */
export function toLimit(limit: { requestsPerMinute: number; burst?: number | undefined } | null) {
  return { requestsPerMinute: limit?.requestsPerMinute ?? 0, burst: limit?.burst ?? 0 };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whether a text can be a credential's id at all; others are answered as one that the workspace doesn't have. */
export function mayBeCredentialId(text: string): boolean {
  return UUID.test(text);
}

/** Lists the workspace's keys, newest first. */
function listRoute(deps: ApiDeps): Route {
  return {
    method: 'GET',
    path: '/api-keys',
    access: KEYS_ACCESS,
    documentation: LIST_DOCUMENTATION,
    async handle(exchange, { workspaceId }) {
      const { limit, cursor = '' } = readPage(exchange.query());
      const { credentials, nextPageToken } = await deps.auth.credentials.listCredentials(
        { workspaceId, pageSize: limit, pageToken: cursor },
        AUTH_CALL,
      );
      const next =
        nextPageToken === ''
          ? undefined
          : new URLSearchParams({ limit: String(limit), cursor: nextPageToken });
      exchange.reply(encodeKeys(credentials, next));
    },
    encodeFailure: encodeChatbotFailure,
  };
}

/** Reads one key. */
function getRoute(deps: ApiDeps): Route {
  return {
    method: 'GET',
    path: '/api-keys/:id',
    access: KEYS_ACCESS,
    documentation: GET_DOCUMENTATION,
    async handle(exchange, { workspaceId }) {
      const request = { workspaceId, id: keyId(exchange) };
      exchange.reply(encodeKey(await deps.auth.credentials.getCredential(request, AUTH_CALL)));
    },
    encodeFailure: encodeChatbotFailure,
  };
}

function readPage(query: URLSearchParams) {
  const given = Object.fromEntries(query);
  const parsed = pageQuery.safeParse(given);
  if (!parsed.success) throw invalid(toIssues(parsed.error, given));
  return parsed.data;
}

/** Makes a key. */
function createRoute(deps: ApiDeps): Route {
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
    encodeFailure: encodeChatbotFailure,
  };
}

/** Makes a key's successor. */
function rotateRoute(deps: ApiDeps): Route {
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
    encodeFailure: encodeChatbotFailure,
  };
}

/** Changes what the body names. */
function changeRoute(deps: ApiDeps): Route {
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
    encodeFailure: encodeChatbotFailure,
  };
}

/** Makes a key stop working; it can be made to work again. */
function deactivateRoute(deps: ApiDeps): Route {
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
    encodeFailure: encodeChatbotFailure,
  };
}

/** Removes a key for good. */
function deleteRoute(deps: ApiDeps): Route {
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
    encodeFailure: encodeChatbotFailure,
  };
}
