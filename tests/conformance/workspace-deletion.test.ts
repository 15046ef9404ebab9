import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { EventService } from '@millrace/contracts/millrace/api/v1/event';
import { WorkspaceService } from '@millrace/contracts/millrace/api/v1/workspace';
import { eventually, onEachTopology, type SignedIn, signIn } from '@millrace/testkit';
import { memberOf, textAt, UUID_V7 } from './support/assert-answer.ts';
import { assertProblem } from './support/error-shapes.ts';
import { httpCall } from './support/http-call.ts';
import { caller, join, newPerson, newWorkspace } from './support/people.ts';
import { findEvents } from './support/stored-events.ts';

const SOON = { timeoutMs: 60_000, intervalMs: 100 };
const KEY = ['events:read', 'events:write', 'members:read', 'workspace:manage'];

onEachTopology(
  'native: deleting a workspace',
  (stack) => {
    let owner: SignedIn;
    before(async () => {
      owner = await newPerson(stack());
    });

    const as = (secret: string) => caller(stack(), secret);
    const path = ({ id }: { id: string }) => `/v1/workspaces/${id}`;
    const ids = async (workspaceId: string) =>
      (await findEvents(stack(), { workspaceId })).map(({ eventId }) => eventId).sort();
    const transport = () => createGrpcTransport({ baseUrl: stack().connection.url });
    const bearer = (secret: string) => ({ headers: { authorization: `Bearer ${secret}` } });

    /** A workspace with a key, a token and events whose ids and users every other one has as well. */
    async function furnished(name: string) {
      const workspace = await newWorkspace(stack(), owner, name);
      const call = as(workspace.session);
      const made = await call('POST /api-keys', { name: 'k', permissions: KEY });
      const query = 'mutation { createExternalEventToken { token } }';
      const token = (await call('POST /graphql', { query })).json();
      const events = ['same-1', 'same-2'].map((id) => ({ id, type: 'kind', userId: 'user' }));
      assert.equal((await call('POST /v1/ingest', events)).status, 202);
      await eventually(async () => assert.deepEqual(await ids(workspace.id), ['same-1', 'same-2']), SOON);
      return {
        ...workspace,
        key: textAt(made.json(), 'key'),
        token: textAt(token, 'data', 'createExternalEventToken', 'token'),
      };
    }

    /** Sends an event in every way, by every credential; answers the status of each. */
    async function sendEverywhere({ id, key, token, session }: Awaited<ReturnType<typeof furnished>>) {
      const { url } = stack().connection;
      const analytics = {
        ...{ eventType: 't', userId: 'u', sessionId: 's', timestamp: '2024-01-30T12:34:56Z' },
      };
      const sent: Readonly<Record<string, [secret: string, body: unknown, type?: string]>> = {
        '/v1/ingest': [session, [{ type: 't' }]],
        '/api/v1/events': [key, analytics],
        '/api/v1/events?workflow': [key, { name: 't', payload: {} }],
        '/api/v1/events/batch': [key, { events: [analytics] }],
        '/cloudevents': [
          key,
          { specversion: '1.0', id: 'late', source: '/s', type: 't' },
          'application/cloudevents+json',
        ],
        '/email': [key, { email_id: 'late', domain: 'example.com', metadata: {} }],
        [`/api/external-event/${id}`]: [token, { type: 't', payload: {} }],
      };
      const statuses = await Promise.all(
        Object.entries(sent).map(async ([route, [secret, body, type = 'application/json']]) => {
          const answer = await httpCall(`${url}${route}`, {
            headers: { authorization: `Bearer ${secret}`, 'x-api-key': secret, 'content-type': type },
            body: JSON.stringify(body),
          });
          return [route, answer.status] as const;
        }),
      );
      const rpc = createClient(EventService, transport()).ingest({ events: [{ type: 't' }] }, bearer(key));
      const code = await rpc.then(
        () => 202,
        (error: unknown) => (ConnectError.from(error).code === Code.Unauthenticated ? 401 : 500),
      );
      return { ...Object.fromEntries(statuses), rpc: code };
    }

    test('nobody is let in any more, its events go and its namesake keeps theirs; who asked watches, and the operator reads of it', async () => {
      const [gone, kept] = [await furnished('Twin'), await furnished('Twin')];
      const [member, guest] = [await newPerson(stack()), await newPerson(stack())];
      const memberSession = await join(stack(), gone, { person: member, role: 'admin' });
      const invitation = { email: guest.email, role: 'member' };
      assert.equal((await as(gone.session)(`POST ${path(gone)}/invitations`, invitation)).status, 201);

      const answer = await as(gone.session)(`DELETE ${path(gone)}`, { name: 'Twin' });
      assert.equal(answer.status, 202, answer.text);
      const id = textAt(answer.json(), 'id');
      assert.match(id, UUID_V7);
      assert.deepEqual(
        [memberOf(answer.json(), 'workspaceId'), memberOf(answer.json(), 'status')],
        [gone.id, 'pending'],
      );

      await eventually(async () => {
        const statuses = Object.values(await sendEverywhere(gone));
        assert.deepEqual(statuses, new Array(statuses.length).fill(401));
        for (const secret of [gone.session, memberSession, gone.key])
          assertProblem(await as(secret)(`GET ${path(gone)}`), 401);
      }, SOON);
      for (const person of [owner, member, guest]) {
        const again = await signIn(stack().connection.url, stack().mail, person.email);
        const listed = await as(again.token)('GET /v1/workspaces');
        assert.equal(listed.status, 200);
        assert.ok(!listed.text.includes(gone.id), listed.text);
        assertProblem(await as(again.token)(`POST ${path(gone)}/session`), 404);
        const watched = await as(again.token)(`GET /v1/workspace-deletions/${id}`);
        assert.equal(watched.status, person === owner ? 200 : 404, watched.text);
        const jobs = (await as(again.token)('GET /v1/workspace-deletions')).text;
        assert.equal(jobs.includes(id), person === owner);
      }

      await eventually(async () => {
        assert.deepEqual(await ids(gone.id), []);
        const job = (await as(owner.token)(`GET /v1/workspace-deletions/${id}`)).json();
        assert.equal(memberOf(job, 'progress'), 1, JSON.stringify(job));
        // It looks once more when nothing can be under way any more, two minutes after.
        assert.notEqual(memberOf(job, 'status'), 'pending');
      }, SOON);
      const { inspector, connection } = stack();
      const left = await inspector.rows(
        'SELECT count() AS n FROM audit_log WHERE workspace_id = {id:String}',
        { id: gone.id },
      );
      assert.equal(Number(left[0]?.['n']), 0);

      assert.deepEqual(await ids(kept.id), ['same-1', 'same-2']);
      const statuses = await sendEverywhere(kept);
      assert.ok(
        Object.values(statuses).every((status) => status < 300),
        JSON.stringify(statuses),
      );
      await eventually(async () => {
        const { text } = await as(connection.credentials.apiKey)('GET /v1/audit?action=workspace.deleted');
        assert.ok(text.includes(gone.id), text);
        assert.ok(text.includes(owner.userId), text);
      }, SOON);
      assert.ok(!(await as(kept.session)('GET /v1/audit')).text.includes(gone.id));
    });

    test('what must not be deleted, or not by this caller or not like this, is refused and stays', async () => {
      const workspace = await furnished('Staying');
      const admin = await newPerson(stack());
      const adminSession = await join(stack(), workspace, { person: admin, role: 'admin' });
      const route = `DELETE ${path(workspace)}`;
      assertProblem(await as(workspace.key)(route, { name: 'Staying' }), 401);
      assertProblem(await as(adminSession)(route, { name: 'Staying' }), 403);
      assertProblem(await as(owner.token)(route, { name: 'Staying' }), 404);
      for (const [body, field] of [
        [{}, 'name'],
        [{ name: 'staying' }, 'name'],
        [{ name: 'Staying ' }, 'name'],
        [{ name: 'Staying', force: true }, 'force'],
      ] as const) {
        const answer = await as(workspace.session)(route, body);
        assertProblem(answer, 400);
        assert.ok(answer.text.includes(`"${field}"`), answer.text);
      }
      const operator = await signIn(stack().connection.url, stack().mail, 'dev@localhost');
      const { workspaceId } = stack().connection;
      const read = (await as(operator.token)(`GET /v1/workspaces/${workspaceId}`)).json();
      const body = { name: textAt(read, 'name') };
      assertProblem(await as(operator.token)(`DELETE /v1/workspaces/${workspaceId}`, body), 409);
      assert.deepEqual(await ids(workspace.id), ['same-1', 'same-2']);
      assert.equal((await as(workspace.key)(`GET ${path(workspace)}`)).status, 200);
    });

    test('gRPC says the same', async () => {
      const workspace = await newWorkspace(stack(), owner, 'By gRPC');
      const rpc = createClient(WorkspaceService, transport());
      const wrong = rpc.deleteWorkspace({ workspaceId: workspace.id, name: 'x' }, bearer(workspace.session));
      await assert.rejects(wrong, { code: Code.InvalidArgument });
      const request = { workspaceId: workspace.id, name: 'By gRPC' };
      const { deletion } = await rpc.deleteWorkspace(request, bearer(workspace.session));
      assert.equal(deletion?.workspaceId, workspace.id);
      const { id } = deletion;
      await eventually(async () => {
        const { deletions } = await rpc.listWorkspaceDeletions({}, bearer(owner.token));
        assert.ok(deletions.some((one) => one.id === id));
      }, SOON);
      const one = await rpc.getWorkspaceDeletion({ id }, bearer(owner.token));
      assert.equal(one.deletion?.workspaceId, workspace.id);
    });
  },
  { mail: true },
);
