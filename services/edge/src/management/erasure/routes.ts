import { type Deletion, DeletionStatus } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { MillraceError } from '@millrace/runtime';
import { z } from 'zod';
import type { Api } from '../../request/api.ts';
import { invalid } from '../../request/issues.ts';
import { boundedText } from '../../request/json-types.ts';
import { encodeProblem, problem } from '../../request/problem/encode-problem.ts';
import { cursor, pageLimit, readQuery } from '../../request/query-string.ts';
import { receiveJson } from '../../request/receive-json.ts';
import { jsonReply } from '../../request/response.ts';
import type { AccessRule, DocumentedFailure, RouteDocumentation } from '../../server/route.ts';
import { deletionJobFields, deletionJobJson, PENDING_EXAMPLE } from '../deletion-job.ts';
import { RETRY_AFTER_SECONDS, requestDeletion } from './request-deletion.ts';

/** It can't be undone, and the jobs name users. */
const ACCESS: AccessRule = { places: ['apiKey', 'bearer'], anyOf: ['workspace:manage'] };

const MAX_LIMIT = 500;
const DEFAULT_LIMIT = 100;
/** The analytics service checks the rest: a cursor is its own. */
const MAX_CURSOR_CHARS = 100;
const MAX_USER_ID_CHARS = 255;

/** Deleting the events of a user, by a job. */
export const deletionsApi: Api = {
  name: 'deletions',
  routes: (deps) => [
    {
      method: 'POST',
      path: '/v1/deletions',
      access: ACCESS,
      documentation: REQUEST,
      async handle(exchange, grant) {
        const { userId } = await receiveJson(exchange, deletionBody);
        const job = await requestDeletion(deps, { grant, exchange }, userId);
        exchange.reply(jsonReply(deletion, 202, toJson(job)));
      },
      encodeFailure: encodeProblem,
    },
    {
      method: 'GET',
      path: '/v1/deletions',
      access: ACCESS,
      documentation: LIST,
      async handle(exchange, { workspaceId }) {
        const { limit = DEFAULT_LIMIT, cursor: pageToken = '' } = readQuery(exchange.query(), listQuery);
        const request = { workspaceId, pageSize: limit, pageToken };
        const { deletions, nextPageToken } = await naming(deps.deletions.listDeletions(request));
        const page = { deletions: deletions.map(toJson), nextCursor: nextPageToken || null };
        exchange.reply(jsonReply(deletionPage, 200, page));
      },
      encodeFailure: encodeProblem,
    },
    {
      method: 'GET',
      path: '/v1/deletions/:id',
      access: ACCESS,
      documentation: GET,
      async handle(exchange, { workspaceId }) {
        const id = exchange.params['id'] ?? '';
        const job = await deps.deletions.getDeletion({ workspaceId, id });
        exchange.reply(jsonReply(deletion, 200, toJson(job)));
      },
      encodeFailure: encodeProblem,
    },
  ],
};

const deletionBody = z.strictObject({
  userId: boundedText(1, MAX_USER_ID_CHARS).describe('Whose events are deleted'),
});

const listQuery = z.object({
  limit: pageLimit(MAX_LIMIT).optional(),
  cursor: cursor(MAX_CURSOR_CHARS).optional(),
});

/** Where the service refuses the page token, the query calls it `cursor`. */
async function naming<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof MillraceError) || error.code !== 'invalid_argument') throw error;
    throw invalid([{ code: 'custom', path: ['cursor'], message: 'must be the `nextCursor` of an answer' }]);
  }
}

const deletion = z
  .strictObject({
    id: z.string(),
    kind: z.enum(['user']),
    userId: z.string().nullable().describe('Null once nothing of the user is left in the stream'),
    status: z.enum(['pending', 'running', 'done', 'failed']),
    ...deletionJobFields,
  })
  .meta({ id: 'Deletion' });

const deletionPage = z
  .strictObject({ deletions: z.array(deletion), nextCursor: z.string().nullable() })
  .meta({ id: 'DeletionPage' });

const STATUSES = {
  [DeletionStatus.UNSPECIFIED]: 'pending',
  [DeletionStatus.RUNNING]: 'running',
  [DeletionStatus.DONE]: 'done',
  [DeletionStatus.FAILED]: 'failed',
} as const;

function toJson(job: Deletion): z.output<typeof deletion> {
  return {
    id: job.id,
    kind: 'user',
    userId: job.userId || null,
    status: STATUSES[job.status],
    ...deletionJobJson(job),
  };
}

const example: z.output<typeof deletion> = {
  id: '0190a1b2-0000-7000-8000-000000000004',
  kind: 'user',
  userId: 'user_1',
  ...PENDING_EXAMPLE,
};

const FORBIDDEN: DocumentedFailure = { kind: 'forbidden', permission: 'workspace:manage' };
const UNAVAILABLE: DocumentedFailure = { kind: 'unavailable', retryAfterSeconds: 1 };

const common = { tag: 'Deletions', errors: problem } as const;

const REQUEST: RouteDocumentation = {
  ...common,
  summary: 'Delete a user’s events',
  description:
    'Needs `workspace:manage`. Deletes what was accepted of the user before the request; what comes later is new and stays. A job does it, see `docs/deletion.md`. The audit log has the job, not the user.',
  requestBody: { 'application/json': deletionBody },
  responses: { 202: { description: 'The job', schema: deletion, example } },
  failures: [
    {
      kind: 'invalid',
      issues: [{ code: 'custom', path: ['userId'], message: 'String must contain at least 1 character(s)' }],
    },
    FORBIDDEN,
    {
      kind: 'rate_limited',
      retryAfterSeconds: RETRY_AFTER_SECONDS,
      description: 'The credential’s limit, or the workspace has 100 unfinished deletions',
    },
    UNAVAILABLE,
  ],
};

const LIST: RouteDocumentation = {
  ...common,
  summary: 'List deletions',
  description: 'Needs `workspace:manage`. The newest first; finished ones are kept for 90 days.',
  query: listQuery,
  responses: {
    200: {
      description: 'A page; `nextCursor` is null on the last one',
      schema: deletionPage,
      example: { deletions: [example], nextCursor: null },
    },
  },
  failures: [
    {
      kind: 'invalid',
      issues: [{ code: 'custom', path: ['limit'], message: 'must be 1 to 500' }],
      description: 'A parameter is not valid; the problem names it',
    },
    FORBIDDEN,
    UNAVAILABLE,
  ],
};

const GET: RouteDocumentation = {
  ...common,
  summary: 'Watch a deletion',
  description: 'Needs `workspace:manage`. `progress` is the part of the store’s files that are rewritten.',
  responses: {
    200: {
      description: 'The job',
      schema: deletion,
      example: { ...example, status: 'running', startedAt: '2024-01-30T12:34:57.801Z', progress: 0.4 },
    },
  },
  failures: [{ kind: 'not_found', message: 'no such deletion' }, FORBIDDEN, UNAVAILABLE],
};
