import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { fromBinary } from '@bufbuild/protobuf';
import { type AuditEntry, AuditEntrySchema } from '@millrace/contracts/millrace/audit/v1/audit';
import { MillraceError, systemClock } from '@millrace/runtime';
import { AUDIT_STREAM, connectNats, openAuditLog } from '@millrace/stores';
import { openAuthStore } from '../src/store/auth-store.ts';
import { changeRecord } from '../src/store/change-record.ts';
import { ROLE_PERMISSIONS, type RoleName } from '../src/store/role.ts';
import { type UserRecord, userKey } from '../src/store/user-record.ts';
import { newWorkspace } from '../src/store/workspace-record.ts';
import { type Bench, log } from './auth.ts';

/** The store of a bench's installation, with people put straight into it. */
export type People = Awaited<ReturnType<typeof openPeople>>;

/** Opens the store beside the services that a test talks to. */
export async function openPeople(bench: Bench) {
  const connection = await connectNats({ url: bench.server.url, name: 'people', log });
  const clock = systemClock;
  const store = await openAuthStore({ connection, replicas: 1, clock, log });
  const audit = await openAuditLog({ connection, replicas: 1, clock });
  bench.closeLater(async () => {
    await store.close();
    await connection.close();
  });
  return {
    store,
    audit,
    connection,
    /** A user without a workspace. */
    async addUser(name: string): Promise<UserRecord> {
      const email = `${name}@example.com`;
      const ids = { id: randomUUID(), homeWorkspaceId: randomUUID() };
      const user = { ...ids, email, createdAtMs: Date.now(), sessionsValidFromMs: 0 };
      assert.equal((await store.users.create(userKey(email), user)).kind, 'written');
      return user;
    },
    /** A workspace with these members. */
    async addWorkspace(roles: readonly (readonly [userId: string, role: RoleName])[]): Promise<string> {
      const id = randomUUID();
      const members = roles.map(([userId, role], at) => ({ userId, role, joinedAtMs: at }));
      await store.workspaces.create(
        id,
        newWorkspace({ id, name: 'Tested', createdAtMs: Date.now(), members }),
      );
      return id;
    },
    async setRole(workspaceId: string, userId: string, role: RoleName): Promise<void> {
      await changeRecord(store.workspaces, workspaceId, (workspace) => ({
        ...workspace,
        members: workspace.members.map((member) => (member.userId === userId ? { ...member, role } : member)),
      }));
    },
    async rolesIn(workspaceId: string): Promise<Readonly<Record<string, RoleName>>> {
      const stored = await store.workspaces.read(workspaceId);
      return Object.fromEntries((stored?.value.members ?? []).map(({ userId, role }) => [userId, role]));
    },
    /** Everything that was recorded of a workspace, in order. */
    async entries(workspaceId: string): Promise<AuditEntry[]> {
      const manager = await connection.jetstreamManager();
      const { state } = await manager.streams.info(AUDIT_STREAM);
      const found: AuditEntry[] = [];
      for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
        const { data } = await manager.streams.getMessage(AUDIT_STREAM, { seq });
        const entry = fromBinary(AuditEntrySchema, data);
        if (entry.workspaceId === workspaceId) found.push(entry);
      }
      return found;
    },
  };
}

/** A person as the edge has verified their session. */
export function sessionOf(userId: string, role: RoleName) {
  return {
    userId,
    credentialId: `session of ${userId}`,
    permissions: [...ROLE_PERMISSIONS[role]],
    ipAddress: '192.0.2.7',
    requestId: `request of ${userId}`,
  };
}

/** The code of a refusal, or `allowed`. */
export async function outcomeOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
    return 'allowed';
  } catch (error) {
    if (error instanceof MillraceError) return error.code;
    throw error;
  }
}
