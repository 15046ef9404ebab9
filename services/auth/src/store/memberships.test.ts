import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RecordChange } from '@millrace/stores';
import { openInvitations } from '../workspaces/accept-invitations.ts';
import { indexMemberships } from './memberships.ts';
import type { InvitationRecord, WorkspaceRecord } from './workspace-record.ts';

const NOW_MS = 1_000;

/** Workspaces that are changed as the watched bucket changes them, and counts how often all of them are walked. */
function openWorkspaces(before: readonly WorkspaceRecord[] = []) {
  const records = new Map(before.map((value) => [value.id, { value, revision: 1 }]));
  const listeners: ((change: RecordChange<WorkspaceRecord>) => void)[] = [];
  const walks = { count: 0 };
  const tell = (change: RecordChange<WorkspaceRecord>) => {
    for (const listener of listeners) listener(change);
  };
  return {
    walks,
    get: (id: string) => records.get(id),
    entries() {
      walks.count++;
      return records.entries();
    },
    onChange: (listener: (typeof listeners)[number]) => void listeners.push(listener),
    put(value: WorkspaceRecord) {
      const previous = records.get(value.id)?.value;
      records.set(value.id, { value, revision: 1 });
      tell({ kind: 'put', recordKey: value.id, value, previous });
    },
    remove(previous: WorkspaceRecord) {
      records.delete(previous.id);
      tell({ kind: 'removed', recordKey: previous.id, previous });
    },
  };
}

function invitationOf(email: string, expiresAtMs = NOW_MS + 1): InvitationRecord {
  return { id: `${email} ${expiresAtMs}`, email, role: 'member', createdAtMs: 0, expiresAtMs };
}

function workspace(id: string, invitations: readonly InvitationRecord[] = []): WorkspaceRecord {
  return { id, name: id, createdAtMs: 0, members: [], invitations, rateLimit: null, deletion: null };
}

test('the invitations of an address are found without a walk over all workspaces', () => {
  const many = Array.from({ length: 100 }, (_, at) =>
    workspace(`w${at}`, [invitationOf(`${at}@example.com`)]),
  );
  const workspaces = openWorkspaces(many);
  const memberships = indexMemberships(workspaces);
  const walksToOpen = workspaces.walks.count;
  for (let at = 0; at < 200; at++) {
    const found = openInvitations(memberships, { email: `${at}@example.com`, nowMs: NOW_MS });
    assert.deepEqual(
      found.map(({ workspaceId }) => workspaceId),
      at < 100 ? [`w${at}`] : [],
    );
  }
  assert.equal(workspaces.walks.count, walksToOpen);
});

test('invitations come and go with the changes of their workspaces', () => {
  const workspaces = openWorkspaces([workspace('before', [invitationOf('ada@example.com')])]);
  const memberships = indexMemberships(workspaces);
  const open = (email = 'ada@example.com') =>
    openInvitations(memberships, { email, nowMs: NOW_MS }).map(({ workspaceId, invitation }) => [
      workspaceId,
      invitation.id,
    ]);
  const known = ['before', 'ada@example.com 1001'];
  assert.deepEqual(open(), [known]);

  const renewed = workspace('new', [
    invitationOf('ada@example.com', NOW_MS + 7),
    invitationOf('bob@example.com'),
  ]);
  workspaces.put(workspace('new', [invitationOf('ada@example.com')]));
  workspaces.put(renewed);
  assert.deepEqual(open(), [known, ['new', 'ada@example.com 1007']]);
  assert.deepEqual(open('bob@example.com'), [['new', 'bob@example.com 1001']]);

  workspaces.put(workspace('before'));
  assert.deepEqual(open(), [['new', 'ada@example.com 1007']]);
  workspaces.remove(renewed);
  assert.deepEqual([open(), open('bob@example.com')], [[], []]);
});

test('an invitation that has lapsed is not open, and one for another spelling is another', () => {
  const memberships = indexMemberships(
    openWorkspaces([
      workspace('lapsed', [invitationOf('ada@example.com', NOW_MS)]),
      workspace('open', [invitationOf('ada@example.com', NOW_MS + 1)]),
    ]),
  );
  const ids = (email: string, nowMs: number) =>
    openInvitations(memberships, { email, nowMs }).map(({ workspaceId }) => workspaceId);
  assert.deepEqual(ids('ada@example.com', NOW_MS), ['open']);
  assert.deepEqual(ids('ada@example.com', NOW_MS + 1), []);
  assert.deepEqual(ids('Ada@example.com', NOW_MS), [], 'the caller brings addresses into their normal form');
});

test('memberships come and go with the changes of their workspaces', () => {
  const joined = { ...workspace('w'), members: [{ userId: 'ada', role: 'viewer', joinedAtMs: 0 } as const] };
  const workspaces = openWorkspaces([joined]);
  const memberships = indexMemberships(workspaces);
  const seen = () => [memberships.roleOf('w', 'ada'), memberships.workspacesOf('ada').map(({ id }) => id)];
  assert.deepEqual(seen(), ['viewer', ['w']]);
  workspaces.put({ ...joined, members: [{ userId: 'ada', role: 'owner', joinedAtMs: 0 }] });
  assert.deepEqual(seen(), ['owner', ['w']]);
  workspaces.put(workspace('w'));
  assert.deepEqual(seen(), [undefined, []]);
  workspaces.put(joined);
  workspaces.remove(joined);
  assert.deepEqual(seen(), [undefined, []]);
});
