import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Connection, readConnection } from '@millrace/embedded';
import {
  createInspector,
  eventually,
  httpCall,
  type MailServer,
  type SignedIn,
  signIn,
  startMailServer,
  untilPushed,
} from '@millrace/testkit';
import { startPresenting } from './support/presenting.ts';
import { runCommand, runSuccessfully } from './support/run-command.ts';

for (const topology of ['standalone', 'split'] as const) {
  describe(`a newcomer, from a terminal (${topology})`, () => {
    let dataDir = '';
    let mail: MailServer;
    let person: SignedIn;
    const connection = (): Connection => {
      const found = readConnection(dataDir);
      assert.ok(found, 'there is no connection.json');
      return found;
    };
    const call = (method: string, path: string, headers: Record<string, string>, body?: object) =>
      httpCall(`${connection().url}${path}`, {
        method,
        headers: { 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });

    before(async () => {
      dataDir = await mkdtemp(join(tmpdir(), 'millrace-sign-in-'));
      mail = await startMailServer();
      const split = topology === 'split' ? ['--split'] : [];
      const up = ['--detach', '--port', '0', '--data', dataDir, ...split];
      const ended = await runCommand('scripts/up', up, { env: { SMTP_URL: mail.url } });
      assert.equal(ended.status, 0, ended.errors);
    });
    after(async () => {
      await runSuccessfully('scripts/down', ['--data', dataDir]);
      await mail.stop();
      await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
    });

    test('asks for a code, reads the mail, and is signed in', async () => {
      person = await signIn(connection().url, mail, 'ada@example.com');
      const me = await call('GET', '/api/auth/me', person.headers);
      assert.equal(me.status, 200, me.text);
      const { data } = me.json() as { data: { id: string; email: string } };
      assert.deepEqual([data.id, data.email], [person.userId, 'ada@example.com']);
    });

    test('gets an analytics key whose event is stored in their workspace and nowhere else', async () => {
      const made = await call('POST', '/api/auth/api-key', person.headers, { name: 'Production API Key' });
      assert.equal(made.status, 200, made.text);
      const { apiKey } = (made.json() as { data: { apiKey: string } }).data;
      assert.match(apiKey, /^evp_[\w-]{43}$/);
      const eventId = randomUUID();
      const sent = await call('POST', '/api/v1/events', { 'x-api-key': apiKey }, analyticsEvent(eventId));
      assert.equal(sent.status, 202, sent.text);
      await assertStoredOnce(eventId, await workspaceOf(person));
    });

    test('gets an external-event token by the documented mutation', async () => {
      const query = 'mutation { createExternalEventToken { token expiresAt } }';
      const made = await call('POST', '/graphql', person.headers, { query });
      assert.equal(made.status, 200, made.text);
      const { token } = (made.json() as { data: { createExternalEventToken: { token: string } } }).data
        .createExternalEventToken;
      const workspaceId = await workspaceOf(person);
      const authorization = `Bearer ${token}`;
      const event = { type: 'custom.event', payload: { action: 'user.clicked' } };
      const sent = await call('POST', `/api/external-event/${workspaceId}`, { authorization }, event);
      assert.equal(sent.status, 201, sent.text);
      const foreign = `/api/external-event/${connection().workspaceId}`;
      assert.equal((await call('POST', foreign, { authorization }, event)).status, 401);
    });

    test('a key that is revoked under load is refused from then on', async (t) => {
      const permissions = ['events:write'];
      const made = await call('POST', '/api-keys', person.headers, { name: 'To be revoked', permissions });
      assert.equal(made.status, 201, made.text);
      const { id, key } = made.json() as { id: string; key: string };
      const load = startPresenting(connection().url, key);
      await eventually(() => assert.ok(load.accepted() > 100), { timeoutMs: 60_000 });
      const refusedBefore = load.refused();
      const revoked = await call('POST', `/api-keys/${id}/deactivate`, person.headers);
      assert.equal(revoked.status, 200, revoked.text);
      const revokedAtMs = performance.now();
      await untilPushed(t, 'refused', () => assert.ok(load.refused() > 0));
      await eventually(() => assert.ok(load.refused() > 1_000), { timeoutMs: 60_000 });
      await load.stop();
      assert.equal(refusedBefore, 0, 'refused before it was revoked');
      assert.equal(load.acceptedAgain(), 0);
      assert.deepEqual(load.others(), []);
      const last = Math.max(load.lastAcceptedAtMs(), revokedAtMs) - revokedAtMs;
      t.diagnostic(`the last request that was still accepted began ${last.toFixed(0)} ms after the answer`);
    });

    test('whoever signs in with the owner address of the installation owns the default workspace', async () => {
      const owner = await signIn(connection().url, mail, connection().credentials.ownerEmail);
      assert.equal(await workspaceOf(owner), connection().workspaceId);
      assert.equal((await call('GET', '/v1/audit', owner.headers)).status, 200);
    });

    test('the audit log says who did what', async () => {
      await eventually(
        async () => {
          const answer = await call('GET', '/v1/audit', person.headers);
          assert.equal(answer.status, 200, answer.text);
          const { entries } = answer.json() as { entries: { action: string; actor: { userId: string } }[] };
          const mine = new Set(
            entries.filter(({ actor }) => actor.userId === person.userId).map((e) => e.action),
          );
          for (const action of ['session.created', 'credential.created', 'credential.deactivated']) {
            assert.ok(mine.has(action), `${action} is not among ${[...mine].join(', ')}`);
          }
        },
        { timeoutMs: 15_000 },
      );
    });

    async function workspaceOf({ headers }: SignedIn): Promise<string> {
      const answer = await call('GET', '/v1/workspaces', headers);
      assert.equal(answer.status, 200, answer.text);
      const { workspaces } = answer.json() as { workspaces: { id: string; role: string }[] };
      const [own, ...others] = workspaces.filter(({ role }) => role === 'owner');
      assert.ok(own && others.length === 0, answer.text);
      return own.id;
    }

    async function assertStoredOnce(eventId: string, workspaceId: string): Promise<void> {
      const inspector = createInspector(connection().clickhouse);
      try {
        const sql = 'SELECT workspace_id FROM events WHERE event_id = {eventId:String}';
        await eventually(async () =>
          assert.deepEqual(await inspector.rows(sql, { eventId }), [{ workspace_id: workspaceId }]),
        );
      } finally {
        await inspector.close();
      }
    }
  });
}

function analyticsEvent(eventId: string): object {
  const timestamp = new Date().toISOString();
  return { eventType: 'signed.in', userId: 'u', sessionId: 's', timestamp, eventId };
}
