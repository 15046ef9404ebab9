import { analytics } from './analytics/routes.ts';
import { apiKeys } from './api-keys/routes.ts';
import { cloudEventsDialect } from './cloudevents/routes.ts';
import type { Dialect } from './dialect.ts';
import { email } from './email/routes.ts';
import { eventsRoute } from './events-route/routes.ts';
import { externalEventDialect } from './external-event/routes.ts';
import { auditDialect } from './native/audit/routes.ts';
import { nativeDialect } from './native/routes.ts';
import { schemasDialect } from './native/schemas/routes.ts';
import { workspacesDialect } from './native/workspaces/routes.ts';
import { signIn } from './sign-in/routes.ts';

/** Every published API. A new one is a folder beside these and a line here. */
export const dialects: readonly Dialect[] = [
  eventsRoute,
  analytics,
  externalEventDialect,
  email,
  cloudEventsDialect,
  nativeDialect,
  workspacesDialect,
  schemasDialect,
  auditDialect,
  signIn,
  apiKeys,
];
