import { z } from 'zod';
import type { Api } from '../../request/api.ts';
import { wholeNumber } from '../../request/json-types.ts';
import { encodeProblem, problem } from '../../request/problem/encode-problem.ts';
import { receiveJson } from '../../request/receive-json.ts';
import { jsonReply } from '../../request/response.ts';
import type { AccessRule, RouteDocumentation } from '../../server/route.ts';
import { changeRetention } from './change-retention.ts';

const READ: AccessRule = {
  places: ['apiKey', 'bearer'],
  anyOf: ['analytics:read', 'events:read', 'workspace:manage'],
};
const CHANGE: AccessRule = { places: ['apiKey', 'bearer'], anyOf: ['workspace:manage'] };

const MAX_DAYS = 3_650;

/** For how long a workspace's events are kept. */
export const retentionApi: Api = {
  name: 'retention',
  routes: (deps) => [
    {
      method: 'GET',
      path: '/v1/retention',
      access: READ,
      documentation: GET,
      async handle(exchange, { workspaceId }) {
        const days = await deps.deletions.retentionDays(workspaceId);
        exchange.reply(jsonReply(retention, 200, { days: days || null }));
      },
      encodeFailure: encodeProblem,
    },
    {
      method: 'PUT',
      path: '/v1/retention',
      access: CHANGE,
      documentation: PUT,
      async handle(exchange, grant) {
        const { days } = await receiveJson(exchange, retention);
        await changeRetention(deps, { grant, exchange }, days ?? 0);
        exchange.reply(jsonReply(retention, 200, { days }));
      },
      encodeFailure: encodeProblem,
    },
  ],
};

const retention = z
  .strictObject({
    days: wholeNumber(1, MAX_DAYS).nullable().describe('Days since arrival; null for ever'),
  })
  .meta({ id: 'Retention' });

const answer = { description: 'The setting', schema: retention, example: { days: 90 } };

const GET: RouteDocumentation = {
  summary: 'Read how long events are kept',
  description: 'Needs `events:read`, `analytics:read` or `workspace:manage`.',
  tag: 'Deletions',
  responses: { 200: answer },
  errors: problem,
  failures: [
    { kind: 'forbidden', permission: 'events:read' },
    { kind: 'unavailable', retryAfterSeconds: 1 },
  ],
};

const PUT: RouteDocumentation = {
  summary: 'Set how long events are kept',
  description:
    'Needs `workspace:manage`. What arrived longer ago is deleted soon after a change and once a day from then on, dead letters too; it does not come back.',
  tag: 'Deletions',
  requestBody: { 'application/json': retention },
  responses: { 200: answer },
  errors: problem,
  failures: [
    { kind: 'invalid', issues: [{ code: 'custom', path: ['days'], message: 'must be 1 to 3650' }] },
    { kind: 'forbidden', permission: 'workspace:manage' },
    { kind: 'unavailable', retryAfterSeconds: 1 },
  ],
};
