import type { DescMethod } from '@bufbuild/protobuf';
import { createRoutes } from '../../../../services/edge/src/routes.ts';
// The table is made from what the edge serves, so that nothing it serves can be missing.
import { RPC_ACCESS } from '../../../../services/edge/src/rpc/gate.ts';
import type { RouteAccess } from '../../../../services/edge/src/server/route.ts';
import { inertDeps } from '../../../../services/edge/test/inert-deps.ts';
import { callMethod } from './call-method.ts';
import { callRoute } from './call-route.ts';
import type { SampleRequest } from './sample-request.ts';

/** A secret, and where it is put; undefined for nothing. */
export type Presented = { readonly place: string; readonly secret: string } | undefined;

/** What came back: of RPC the HTTP status that its code stands for. */
export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** A route, or a method of a service. */
export interface Operation {
  /** `POST /api-keys`, or `millrace.api.v1.WorkspaceService/ListMembers`. */
  readonly name: string;
  readonly access: RouteAccess;
  call(url: string, sample: SampleRequest, presented: Presented): Promise<Answer>;
}

const up = async () => 'up' as const;
const routes = createRoutes(inertDeps, {
  probes: { clickhouse: up, nats: up, redis: undefined },
  isReady: () => true,
  clock: inertDeps.clock,
});

const ofRoutes = routes.map(
  (route): Operation => ({
    name: `${route.method} ${route.path}`,
    access: route.access,
    call: (url, sample, presented) => callRoute(url, route, { sample, presented }),
  }),
);

const ofMethods = [...RPC_ACCESS].map(
  ([method, access]): Operation => ({
    name: nameOf(method),
    access,
    call: (url, sample, presented) => callMethod(url, method, { sample, presented }),
  }),
);

/** Ends every session of its caller, so nothing can come behind it. */
const LAST = 'POST /api/auth/sign-out';

/** All that the edge serves. */
export const OPERATIONS: readonly Operation[] = [...ofRoutes, ...ofMethods].sort(
  (a, b) => Number(a.name === LAST) - Number(b.name === LAST),
);

function nameOf(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}
