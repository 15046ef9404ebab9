import { workspacesApi } from '../src/management/workspaces/routes.ts';
import { benchDialect } from './dialect-harness.ts';
import { CALLERS, callers, HERE, type RecordedAuth, recordedAuth } from './workspace-callers.ts';

/** What a test sends; the owner's session, and the path of their workspace, unless told otherwise. */
export interface Sent {
  readonly secret?: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly search?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Calls a route, such as `GET /v1/workspaces`; answers also the first thing that auth was asked. */
export async function callRoute(route: string, sent: Sent = {}, recorded: RecordedAuth = recordedAuth()) {
  const [method = '', path = ''] = route.split(' ');
  const { secret = CALLERS.owner, params = { workspaceId: HERE }, headers, ...rest } = sent;
  const bench = benchDialect(workspacesApi, { auth: recorded.auth, credentials: callers });
  const answer = await bench.send(method, path, {
    headers: headers ?? { authorization: `Bearer ${secret}` },
    params,
    ...rest,
  });
  const [asked] = recorded.asked;
  return { ...answer, method: asked?.method, request: asked?.request ?? {} };
}
