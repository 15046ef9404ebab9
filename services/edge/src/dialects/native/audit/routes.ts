import type { AccessRule } from '../../../http/access.ts';
import type { RouteDocumentation } from '../../../http/route.ts';
import { authenticate } from '../../authenticate.ts';
import type { Dialect } from '../../dialect.ts';
import { encodeProblem } from '../../problem/encode-problem.ts';
import { problemResponses } from '../problem-responses.ts';
import { encodeAuditPage } from './encode.ts';
import { naming } from './name-parameter.ts';
import { auditQuery, decodeAuditQuery } from './query.ts';

const ACCESS: AccessRule = { places: ['apiKey', 'bearer'], anyOf: ['audit:read'] };

/** What was done to a workspace, by whom. */
export const auditDialect: Dialect = {
  name: 'audit',
  routes: (deps) => [
    {
      method: 'GET',
      path: '/v1/audit',
      access: ACCESS,
      documentation,
      async handle(exchange) {
        const { workspaceId } = await authenticate(exchange, deps, ACCESS);
        const request = decodeAuditQuery(exchange.query(), workspaceId);
        exchange.reply(encodeAuditPage(await naming(deps.audit.listAuditEntries(request))));
      },
      encodeFailure: encodeProblem,
    },
  ],
};

const example = {
  entries: [
    {
      id: '0190a1b2-0000-7000-8000-000000000004',
      at: '2024-01-30T12:34:56.789Z',
      action: 'member.invited',
      outcome: 'succeeded',
      actor: { userId: '0190a1b2-0000-7000-8000-000000000002', credentialId: '8f14e45f' },
      target: { type: 'invitation', id: '0190a1b2-0000-7000-8000-000000000003' },
      details: { email: 'grace@example.com', role: 'viewer' },
      ipAddress: '192.0.2.1',
      requestId: '0190a1b2-0000-7000-8000-000000000005',
    },
  ],
  nextCursor: null,
};

const documentation: RouteDocumentation = {
  summary: 'Read the audit log',
  description:
    'Needs `audit:read`, which owners have. Newest first; an entry appears within seconds of its deed. Of an actor or a target that isn’t known the ids are null.',
  tag: 'Audit',
  query: auditQuery,
  responses: {
    200: { description: 'A page; `nextCursor` is null on the last one', example },
    ...problemResponses([400, 401, 403, 429, 503], {
      400: 'A parameter is not valid; the problem names it',
      403: 'The credential lacks `audit:read`',
    }),
  },
};
