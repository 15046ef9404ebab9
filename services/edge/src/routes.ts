import { VERSION } from '@millrace/runtime';
import { dialects } from './dialects/all.ts';
import type { DialectDeps } from './dialects/dialect.ts';
import { createHealthRoutes } from './dialects/health/routes.ts';
import type { Route } from './http/route.ts';
import { createOpenApiRoutes } from './openapi/routes.ts';

/** Every route that the edge serves, the description of them all included. Tests make their tables from it. */
export function createRoutes(
  deps: DialectDeps,
  health: Omit<Parameters<typeof createHealthRoutes>[0], 'version'>,
): readonly Route[] {
  const described = [
    ...dialects.flatMap((dialect) => dialect.routes(deps)),
    ...createHealthRoutes({ ...health, version: VERSION }),
  ];
  return [...described, ...createOpenApiRoutes({ routes: described, version: VERSION })];
}
