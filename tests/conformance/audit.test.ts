import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, freeze, onEachTopology, type SignedIn } from '@millrace/testkit';
import { memberOf, UUID_V7 } from './support/assert-answer.ts';
import { assertProblem } from './support/error-shapes.ts';
import { caller, join, newPerson, newWorkspace } from './support/people.ts';

interface Entry {
  readonly id: string;
  readonly at: string;
  readonly action: string;
  readonly outcome: string;
  readonly actor: { readonly userId: string | null; readonly credentialId: string | null };
  readonly target: { readonly type: string | null; readonly id: string | null };
  readonly details: unknown;
  readonly ipAddress: string | null;
  readonly requestId: string | null;
}

/** Within this an entry is readable. */
const SOON = { timeoutMs: 30_000, intervalMs: 100 };

onEachTopology(
  'native: the audit log',
  (stack) => {
    let owner: SignedIn;
    let guest: SignedIn;
    let workspace: { id: string; session: string };
    let admin: string;
    let frozenPid: number | undefined;
    const thaw = () => {
      if (frozenPid !== undefined) process.kill(frozenPid, 'SIGCONT');
      frozenPid = undefined;
    };
    after(thaw);

    const as = (secret: string) => caller(stack(), secret);
    const read = async (query = '', secret = workspace.session): Promise<Entry[]> => {
      const answer = await as(secret)(`GET /v1/audit${query}`);
      assert.equal(answer.status, 200, answer.text);
      // A body of another shape fails where it is used.
      return memberOf(answer.json(), 'entries') as Entry[];
    };
    /** Waits until there are so many entries. */
    const entries = (query: string, atLeast: number) =>
      eventually(async () => {
        const found = await read(query);
        if (found.length < atLeast) throw new Error(`${found.length} of ${atLeast} entries: ${query}`);
        return found;
      }, SOON);

    before(async () => {
      [owner, guest] = await Promise.all([newPerson(stack()), newPerson(stack())]);
      workspace = await newWorkspace(stack(), owner);
      admin = await join(stack(), workspace, { person: guest, role: 'admin' });
      const member = `/v1/workspaces/${workspace.id}/members`;
      const refused = await as(admin)(`PATCH ${member}/${owner.userId}`, { role: 'viewer' });
      assert.equal(refused.status, 403);
      const renamed = await as(admin)(`PATCH /v1/workspaces/${workspace.id}`, { name: 'Renamed' });
      assert.equal(renamed.status, 200);
    });

    test('says who did what, newest first, within five seconds', async () => {
      const all = await eventually(async () => {
        const found = await read();
        const seen = new Set(found.map(({ action }) => action));
        for (const action of ['workspace.created', 'member.invited', 'member.joined', 'workspace.updated'])
          if (!seen.has(action)) throw new Error(`${action} is not told`);
        return found;
      }, SOON);
      const times = all.map(({ at }) => Date.parse(at));
      assert.deepEqual(
        times,
        times.toSorted((one, other) => other - one),
      );
      const by = (action: string) => all.find((entry) => entry.action === action);
      const created = by('workspace.created');
      assert.deepEqual(created?.target, { type: 'workspace', id: workspace.id });
      assert.equal(created.actor.userId, owner.userId);
      assert.equal(created.outcome, 'succeeded');
      const invited = by('member.invited');
      assert.equal(invited?.actor.userId, owner.userId);
      assert.equal(invited.target.type, 'invitation');
      assert.deepEqual(invited.details, { email: guest.email, role: 'admin' });
      assert.equal(by('member.joined')?.actor.userId, guest.userId);
      const updated = by('workspace.updated');
      assert.equal(updated?.actor.userId, guest.userId);
      for (const entry of all) {
        assert.match(entry.id, UUID_V7);
        assert.ok(entry.ipAddress?.includes('127.0.0.1'), `${entry.action}: ${entry.ipAddress}`);
        assert.ok(entry.requestId, entry.action);
        assert.equal(new Date(entry.at).toISOString(), entry.at);
      }
    });

    test('tells what was refused, and to whom', async () => {
      const [refused] = await entries('?action=member.role_changed', 1);
      assert.equal(refused?.outcome, 'refused');
      assert.equal(refused.actor.userId, guest.userId);
      assert.deepEqual(refused.target, { type: 'member', id: owner.userId });
    });

    test('is narrowed by action, actor, target and time', async () => {
      const [joined] = await entries('?action=member.joined', 1);
      assert.ok(joined);
      for (const entry of await entries(`?actor=${guest.userId}`, 3)) {
        assert.equal(entry.actor.userId, guest.userId);
      }
      for (const entry of await entries(`?target=${owner.userId}`, 1)) {
        assert.equal(entry.target.id, owner.userId);
      }
      const from = encodeURIComponent(joined.at);
      const later = await read(`?from=${from}`);
      assert.ok(later.some(({ id }) => id === joined.id));
      assert.ok(later.every(({ at }) => at >= joined.at));
      const earlier = await read(`?to=${from}`);
      assert.ok(earlier.length > 0 && earlier.every(({ at }) => at < joined.at));
    });

    test('pages lead through all of it, once', async () => {
      await entries('?action=workspace.updated', 1);
      const all = await read();
      const paged: Entry[] = [];
      for (let cursor: unknown = ''; cursor !== null; ) {
        const next = cursor === '' ? '' : `&cursor=${encodeURIComponent(String(cursor))}`;
        const answer = await as(workspace.session)(`GET /v1/audit?limit=2${next}`);
        assert.equal(answer.status, 200, answer.text);
        const page = memberOf(answer.json(), 'entries') as Entry[];
        assert.ok(page.length <= 2);
        paged.push(...page);
        cursor = memberOf(answer.json(), 'nextCursor');
        assert.ok(paged.length <= all.length, 'the pages do not end');
      }
      assert.deepEqual(paged, all);
    });

    test('is the owner’s to read, and each workspace has its own', async () => {
      assertProblem(await as(admin)('GET /v1/audit'), 403, 'audit:read');
      assertProblem(await as('unknown')('GET /v1/audit'), 401);
      const foreign = await read(`?target=${workspace.id}`, guest.token);
      assert.deepEqual(foreign, []);
      const own = await read('', guest.token);
      assert.ok(own.every(({ actor }) => actor.userId !== owner.userId));
    });

    test('400 names the parameter', async () => {
      for (const [parameter, value] of [
        ['limit', '0'],
        ['limit', '501'],
        ['from', 'yesterday'],
        ['to', '2024-13-01T00:00:00Z'],
        ['cursor', 'made-up'],
      ]) {
        const answer = await as(workspace.session)(`GET /v1/audit?${parameter}=${value}`);
        assertProblem(answer, 400, parameter);
        assert.equal(memberOf(answer.json(), 'errors', 0, 'field'), parameter);
      }
    });

    test('503 while ClickHouse does not answer; what was done meanwhile is told afterwards', async () => {
      frozenPid = stack().connection.processes.find(({ name }) => name === 'clickhouse')?.pid;
      assert.ok(frozenPid);
      await freeze(frozenPid);
      const answer = await as(workspace.session)('GET /v1/audit');
      assertProblem(answer, 503);
      assert.match(answer.headers['retry-after'] ?? '', /^\d+$/);
      assert.doesNotMatch(answer.text, /clickhouse|stack|ECONN/i);
      const path = `/v1/workspaces/${workspace.id}`;
      const renamed = await as(workspace.session)(`PATCH ${path}`, { name: 'Meanwhile' });
      assert.equal(renamed.status, 200, renamed.text);
      thaw();
      await eventually(async () => {
        const [newest] = await read(`?action=workspace.updated&actor=${owner.userId}`);
        if (newest === undefined) throw new Error('the change is not told');
      });
    });
  },
  { mail: true },
);
