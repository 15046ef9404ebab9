import { VERSION } from '@millrace/runtime';
import { dialects } from './dialects/all.ts';
import { managementApis } from './management/all.ts';
import { createHealthRoutes } from './management/health/routes.ts';
import { createOpenApiRoutes } from './management/openapi/routes.ts';
import type { ApiDeps, UnroutedPaths } from './request/api.ts';
import { encodeProblem } from './request/problem/encode-problem.ts';
import type { Reply } from './server/exchange.ts';
import type { Failure } from './server/failure.ts';
import type { Route } from './server/route.ts';

const apis = [...dialects, ...managementApis];

/** Every route that the edge serves, the description of them all included. Tests make their tables from it. */
export function createRoutes(
  deps: ApiDeps,
  health: Omit<Parameters<typeof createHealthRoutes>[0], 'version'>,
): readonly Route[] {
  const described = [
    ...apis.flatMap((api) => api.routes(deps)),
    ...createHealthRoutes({ ...health, version: VERSION }),
  ];
  const unrouted = apis.flatMap((api) => api.unrouted ?? []);
  return [...described, ...createOpenApiRoutes({ routes: described, unrouted, version: VERSION })];
}

/** The answer to a path or method that no route has, in the words of the API whose path it is. */
export function encodeUnrouted(failure: Failure, path: string): Reply {
  let longest = 0;
  let encodeFailure: UnroutedPaths['encodeFailure'] = encodeProblem;
  for (const { unrouted } of apis) {
    for (const prefix of unrouted?.prefixes ?? []) {
      const isBelow = path === prefix || path.startsWith(`${prefix}/`);
      if (unrouted === undefined || !isBelow || prefix.length < longest) continue;
      longest = prefix.length;
      encodeFailure = unrouted.encodeFailure;
    }
  }
  return encodeFailure(failure);
}
