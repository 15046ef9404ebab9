import type { ListAuditEntriesResponse } from '@millrace/contracts/millrace/analytics/v1/analytics';
import type { AuditEntry } from '@millrace/contracts/millrace/audit/v1/audit';
import { z } from 'zod';
import type { Api } from '../../request/api.ts';
import { encodeProblem, problem } from '../../request/problem/encode-problem.ts';
import { instant, jsonReply } from '../../request/response.ts';
import type { Reply } from '../../server/exchange.ts';
import type { AccessRule, RouteDocumentation } from '../../server/route.ts';
import { auditQuery, decodeAuditQuery, naming } from './query.ts';

const ACCESS: AccessRule = { places: ['apiKey', 'bearer'], anyOf: ['audit:read'] };

/** What was done to a workspace, by whom. */
export const auditApi: Api = {
  name: 'audit',
  routes: (deps) => [
    {
      method: 'GET',
      path: '/v1/audit',
      access: ACCESS,
      documentation,
      async handle(exchange, { workspaceId }) {
        const request = decodeAuditQuery(exchange.query(), workspaceId);
        exchange.reply(encodeAuditPage(await naming(deps.audit.listAuditEntries(request))));
      },
      encodeFailure: encodeProblem,
    },
  ],
};

const auditEntry = z
  .strictObject({
    id: z.string(),
    at: instant(),
    action: z.string(),
    outcome: z.string(),
    actor: z.strictObject({ userId: z.string().nullable(), credentialId: z.string().nullable() }),
    target: z.strictObject({ type: z.string().nullable(), id: z.string().nullable() }),
    details: z.record(z.string(), z.unknown()).describe('What there is to say of this action'),
    ipAddress: z.string().nullable(),
    requestId: z.string().nullable(),
  })
  .meta({ id: 'AuditEntry' });

const auditPage = z
  .strictObject({ entries: z.array(auditEntry), nextCursor: z.string().nullable() })
  .meta({ id: 'AuditPage' });

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
    'Needs `audit:read`, which owners have. Newest first; an entry appears within seconds of what it tells. Of an actor or a target that isn’t known the ids are null.',
  tag: 'Audit',
  query: auditQuery,
  responses: {
    200: { description: 'A page; `nextCursor` is null on the last one', schema: auditPage, example },
  },
  errors: problem,
  failures: [
    {
      kind: 'invalid',
      issues: [{ code: 'custom', path: ['limit'], message: 'must be 1 to 500' }],
      description: 'A parameter is not valid; the problem names it',
    },
    { kind: 'forbidden', permission: 'audit:read', description: 'The credential lacks `audit:read`' },
  ],
};

/** A page of the log; what isn't known of an entry is null. */
function encodeAuditPage({ entries, nextPageToken }: ListAuditEntriesResponse): Reply {
  return jsonReply(auditPage, 200, { entries: entries.map(toJson), nextCursor: nextPageToken || null });
}

function toJson(entry: AuditEntry): z.output<typeof auditEntry> {
  const { id, action, outcome, actorUserId, actorCredentialId, targetType, targetId } = entry;
  return {
    id,
    at: new Date(Number(entry.atMs)).toISOString(),
    action,
    outcome,
    actor: { userId: actorUserId || null, credentialId: actorCredentialId || null },
    target: { type: targetType || null, id: targetId || null },
    details: JSON.parse(entry.detailsJson || '{}'),
    ipAddress: entry.ipAddress || null,
    requestId: entry.requestId || null,
  };
}
