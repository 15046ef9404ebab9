import { VERSION } from '@millrace/runtime';
import { dialects } from './dialects/all.ts';
import { managementApis } from './management/all.ts';
import { createHealthRoutes } from './management/health/routes.ts';
import { createOpenApiRoutes } from './management/openapi/routes.ts';
import type { ApiDeps } from './request/api.ts';
import type { Route } from './server/route.ts';

/** Every route that the edge serves, the description of them all included. Tests make their tables from it. */
export function createRoutes(
  deps: ApiDeps,
  health: Omit<Parameters<typeof createHealthRoutes>[0], 'version'>,
): readonly Route[] {
  const described = [
    ...[...dialects, ...managementApis].flatMap((api) => api.routes(deps)),
    ...createHealthRoutes({ ...health, version: VERSION }),
  ];
  return [...described, ...createOpenApiRoutes({ routes: described, version: VERSION })];
}
