import { AUTH_CALL } from '../../clients/auth.ts';
import type { ApiDeps } from '../../request/api.ts';
import { invalid, toIssues } from '../../request/issues.ts';
import type { Route } from '../../server/route.ts';
import { GET_DOCUMENTATION, LIST_DOCUMENTATION } from './documentation.ts';
import { encodeApiKeysFailure, encodeKey, encodeKeys } from './encode.ts';
import { KEYS_ACCESS, keyId } from './key-route.ts';
import { pageQuery } from './schema.ts';

/** Lists the workspace's keys, newest first. */
export function listRoute(deps: ApiDeps): Route {
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
    encodeFailure: encodeApiKeysFailure,
  };
}

/** Reads one key. */
export function getRoute(deps: ApiDeps): Route {
  return {
    method: 'GET',
    path: '/api-keys/:id',
    access: KEYS_ACCESS,
    documentation: GET_DOCUMENTATION,
    async handle(exchange, { workspaceId }) {
      const request = { workspaceId, id: keyId(exchange) };
      exchange.reply(encodeKey(await deps.auth.credentials.getCredential(request, AUTH_CALL)));
    },
    encodeFailure: encodeApiKeysFailure,
  };
}

function readPage(query: URLSearchParams) {
  const given = Object.fromEntries(query);
  const parsed = pageQuery.safeParse(given);
  if (!parsed.success) throw invalid(toIssues(parsed.error, given));
  return parsed.data;
}
