import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { CredentialKind, Refusal } from '@millrace/contracts/millrace/auth/v1/auth';
import {
  type Invitation,
  type Member,
  Role,
  type WorkspaceDeletion,
  WorkspaceDeletionStatus,
} from '@millrace/contracts/millrace/auth/v1/workspace';
import type { MillraceError } from '@millrace/runtime';
import type { AuthGateway } from '../src/clients/auth.ts';
import type { CredentialVerifier, Grant } from '../src/clients/credentials.ts';
import { authDouble } from './dialect-harness.ts';

/** The workspace of every caller. */
export const HERE = 'workspace-here';
/** The user behind the sessions. */
export const ME = 'user-me';
/** When the sessions stop working. */
export const SESSION_ENDS_MS = Date.UTC(2024, 0, 30, 13);
/** An address that has had too many invitations. */
export const PESTERED = 'pestered@example.com';
/** When everything was made. */
export const MADE = '2024-01-30T12:34:56.789Z';

/** The credentials that are known: sessions of somebody who is owner or viewer, and keys. */
export const CALLERS = {
  owner: 'session-owner',
  viewer: 'session-viewer',
  manager: 'key-manager',
  /** Issued to the same person, and may do nothing of this. */
  key: 'key-events',
} as const;

const VIEWER = ['events:read', 'analytics:read', 'schemas:read', 'members:read'];

const GRANTS: Readonly<Record<string, Pick<Grant, 'credentialKind' | 'userId'> & { may: string[] }>> = {
  [CALLERS.owner]: { credentialKind: CredentialKind.SESSION, userId: ME, may: ['*'] },
  [CALLERS.viewer]: { credentialKind: CredentialKind.SESSION, userId: ME, may: VIEWER },
  [CALLERS.manager]: {
    credentialKind: CredentialKind.ANALYTICS_KEY,
    userId: '',
    may: ['members:read', 'members:manage', 'workspace:manage', 'audit:read'],
  },
  [CALLERS.key]: { credentialKind: CredentialKind.ANALYTICS_KEY, userId: ME, may: ['events:write'] },
};

/** Knows `CALLERS`. */
export const callers: CredentialVerifier = {
  verify(secret) {
    const known = GRANTS[secret];
    if (known === undefined) return { kind: 'refused', refusal: Refusal.UNKNOWN };
    const { credentialKind, userId, may } = known;
    return {
      kind: 'granted',
      credentialId: `id-of-${secret}`,
      workspaceId: HERE,
      userId,
      permissions: new Set(may),
      credentialKind,
      expiresAtMs: credentialKind === CredentialKind.SESSION ? SESSION_ENDS_MS : undefined,
      rateLimit: undefined,
    };
  },
};

/** Auth as a double that answers everything and writes down what it was asked. */
export interface RecordedAuth {
  readonly auth: AuthGateway;
  /** `method` and the request without what isn't set. */
  readonly asked: { readonly method: string; readonly request: Readonly<Record<string, unknown>> }[];
  /** Thrown by whatever is asked next. */
  failure: MillraceError | undefined;
}

const made = timestampFromDate(new Date(MADE));
const workspace = { id: HERE, name: 'Acme', createdAt: made, role: Role.OWNER };
const limited = { ...workspace, rateLimit: { requestsPerMinute: 60, burst: 10 } };
const member = (role: Role) => ({ userId: 'user-2', email: 'ada@example.com', role, joinedAt: made });
const deletion = {
  ...{ id: 'deletion-1', workspaceId: HERE, status: WorkspaceDeletionStatus.UNSPECIFIED },
  ...{ createdAt: made, progress: 0, error: '' },
} as WorkspaceDeletion;
const finished = {
  ...deletion,
  ...{ id: 'deletion-2', status: WorkspaceDeletionStatus.DONE, progress: 1, error: 'a part can wait' },
  ...{ startedAt: made, finishedAt: made, streamClearedAt: made },
};
const invitation = { id: 'invitation-1', email: 'grace@example.com', createdAt: made, expiresAt: made };

/** Makes one for a test. */
export function recordedAuth(): RecordedAuth {
  const asked: RecordedAuth['asked'] = [];
  const recorded: RecordedAuth = {
    asked,
    failure: undefined,
    auth: authDouble({
      workspaces: {
        createWorkspace: (request) => answer('createWorkspace', request, { workspace }),
        listWorkspaces: (request) =>
          answer('listWorkspaces', request, { workspaces: [workspace, { ...limited, id: 'workspace-2' }] }),
        getWorkspace: (request) =>
          answer('getWorkspace', request, {
            workspace: { ...limited, role: request.userId === '' ? Role.UNSPECIFIED : Role.OWNER },
          }),
        updateWorkspace: (request) => answer('updateWorkspace', request, { workspace: limited }),
        listMembers: (request) =>
          answer('listMembers', request, {
            members: [member(Role.ADMIN), member(Role.MEMBER)] as Member[],
            invitations: [{ ...invitation, role: Role.VIEWER }] as Invitation[],
          }),
        inviteMember: (request) =>
          answer(
            'inviteMember',
            request,
            request.email === PESTERED
              ? { retryAfterSeconds: 8640 }
              : { invitation: { ...invitation, role: request.role } },
          ),
        revokeInvitation: (request) => answer('revokeInvitation', request, {}),
        updateMember: (request) => answer('updateMember', request, { member: member(request.role) }),
        removeMember: (request) => answer('removeMember', request, { revokedKeys: 2 }),
        deleteWorkspace: (request) => answer('deleteWorkspace', request, { deletion }),
        listWorkspaceDeletions: (request) =>
          answer('listWorkspaceDeletions', request, { deletions: [finished, deletion] }),
        getWorkspaceDeletion: (request) => answer('getWorkspaceDeletion', request, { deletion: finished }),
      },
      signIn: {
        createSession: (request) => answer('createSession', request, { token: 'jwt', expiresAt: made }),
      },
    }),
  };
  return recorded;

  async function answer<T>(method: string, message: { $typeName: string }, reply: T): Promise<T> {
    const { $typeName, ...request } = message;
    asked.push({ method, request });
    if (recorded.failure) throw recorded.failure;
    return reply;
  }
}
