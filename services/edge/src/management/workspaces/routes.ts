import type { Api } from '../../request/api.ts';
import { encodeProblem } from '../../request/problem/encode-problem.ts';
import { actorOf } from '../actor.ts';
import { memberRoutes } from './member-routes.ts';
import { createWorkspaceApi } from './workspace-api.ts';
import { workspaceRoutes } from './workspace-routes.ts';

/** Workspaces and who belongs to them; the Connect and gRPC form is `millrace.api.v1.WorkspaceService`. */
export const workspacesApi: Api = {
  name: 'workspaces',
  routes(deps) {
    const api = createWorkspaceApi(deps.auth);
    return [...workspaceRoutes, ...memberRoutes].map(({ answer, ...route }) => ({
      ...route,
      async handle(exchange, grant) {
        const caller = { grant, actor: actorOf(exchange, grant) };
        exchange.reply(await answer({ exchange, caller, api }));
      },
      encodeFailure: encodeProblem,
    }));
  },
};
