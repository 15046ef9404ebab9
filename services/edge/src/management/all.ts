import type { Api } from '../request/api.ts';
import { auditApi } from './audit/routes.ts';
import { deadLettersApi } from './dead-letters/routes.ts';
import { deletionsApi } from './erasure/routes.ts';
import { eventsApi } from './events/routes.ts';
import { exportApi } from './export/routes.ts';
import { graphqlApi } from './graphql/routes.ts';
import { keysApi } from './keys/routes.ts';
import { propertiesApi } from './properties/routes.ts';
import { queryApi } from './query/routes.ts';
import { retentionApi } from './retention/routes.ts';
import { schemasApi } from './schemas/routes.ts';
import { signInApi } from './sign-in/routes.ts';
import { sqlApi } from './sql/routes.ts';
import { tailApi } from './tail/routes.ts';
import { triggersApi } from './triggers/routes.ts';
import { webhooksApi } from './webhooks/routes.ts';
import { workspacesApi } from './workspaces/routes.ts';

/** Every API that people and programs run their workspace by. */
export const managementApis: readonly Api[] = [
  workspacesApi,
  schemasApi,
  auditApi,
  queryApi,
  propertiesApi,
  sqlApi,
  eventsApi,
  deadLettersApi,
  tailApi,
  deletionsApi,
  exportApi,
  retentionApi,
  signInApi,
  keysApi,
  webhooksApi,
  triggersApi,
  graphqlApi,
];
