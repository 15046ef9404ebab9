import type { Api } from '../../request/api.ts';
import { changeRoute, deactivateRoute, deleteRoute } from './change.ts';
import { encodeApiKeysFailure } from './encode.ts';
import { createRoute, rotateRoute } from './issue.ts';
import { getRoute, listRoute } from './read.ts';

/** The API keys of a workspace, as the chatbot API manages them. */
export const keysApi: Api = {
  name: 'api-keys',
  unrouted: { prefixes: ['/api-keys', '/webhooks'], encodeFailure: encodeApiKeysFailure },
  routes: (deps) =>
    [createRoute, listRoute, getRoute, changeRoute, deleteRoute, deactivateRoute, rotateRoute].map((route) =>
      route(deps),
    ),
};
