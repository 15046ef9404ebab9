import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { eventually, type SignedIn, type TestStack } from '@millrace/testkit';
import {
  OWN_PERMISSIONS,
  ROLE_PERMISSIONS,
  type RoleName,
} from '../../../../services/auth/src/store/role.ts';
import { memberOf, textAt } from '../assert-answer.ts';
import { httpCall } from '../http-call.ts';
import { caller, join, newPerson, newWorkspace } from '../people.ts';

/** Somebody, and what they may do. */
export interface Caller {
  readonly name: string;
  readonly isPerson: boolean;
  readonly permissions: readonly string[];
  readonly secret: string;
}

/** Things of a workspace that samples name. */
export interface Planted {
  readonly workspaceId: string;
  readonly workspaceName: string;
  readonly keyId: string;
  readonly memberId: string;
  readonly invitationId: string;
  readonly externalTokenId: string;
  readonly eventId: string;
  readonly eventName: string;
  readonly property: string;
  readonly deletionId: string;
  readonly endpointId: string;
  readonly deliveryId: string;
  readonly replayId: string;
}

/** A workspace with one of everything in it, whoever may act there, and two callers from elsewhere. */
export interface PlantedWorkspace {
  readonly planted: Planted;
  /** Texts that are in this workspace only. */
  readonly marks: readonly string[];
  /** A key for every permission and for none, and a person of every role. */
  readonly callers: readonly Caller[];
  /** The owner of another workspace, and a key there, with every permission. */
  readonly strangers: readonly Caller[];
  /** All that is planted, as the owner reads it; when keys were last used is left out. */
  read(): Promise<string>;
  /** The newest entries of its audit log. */
  readAudit(): Promise<string>;
}

/** Makes everything by the public API. */
export async function plantWorkspace(stack: TestStack): Promise<PlantedWorkspace> {
  const mark = (what: string) => `${what}-${randomUUID()}`;
  const owner = await newPerson(stack);
  const names = { workspace: mark('acme'), key: mark('key'), schema: mark('schema') };
  const workspace = await newWorkspace(stack, owner, names.workspace);
  const path = `/v1/workspaces/${workspace.id}`;
  const call = caller(stack, workspace.session);
  const make = async (route: string, body: object) => {
    const answer = await call(route, body);
    assert.ok(answer.status >= 200 && answer.status < 300, `${route}: ${answer.text}`);
    return answer.json();
  };
  const member = await newPerson(stack);
  await join(stack, workspace, { person: member, role: 'member' });
  const invitedEmail = `${randomUUID()}@example.com`;
  const invitation = await make(`POST ${path}/invitations`, { email: invitedEmail, role: 'viewer' });
  const key = await make('POST /api-keys', { name: names.key, permissions: [] });
  const eventName = 'order.placed';
  await make(`PUT /v1/schemas/${eventName}`, { schema: { title: names.schema }, mode: 'observe' });
  const property = `payload.${mark('property')}`;
  await make('PUT /v1/properties', { path: property });
  const eventId = mark('event');
  await make('POST /v1/ingest', [{ id: eventId, type: 'planted' }]);
  const readEvents = async () => {
    const answer = await make('POST /v1/query', { breakdown: { fields: ['id'] } });
    return JSON.stringify(memberOf(answer, 'rows'));
  };
  await eventually(async () => assert.ok((await readEvents()).includes(eventId), 'the event is stored'));
  const deletion = await make('POST /v1/deletions', { userId: mark('user') });
  const endpoint = await plantEndpoint(make, mark('hook'));
  const query = 'mutation { createExternalEventToken { id } }';
  const token = await make('POST /graphql', { query });
  const planted: Planted = {
    workspaceId: workspace.id,
    workspaceName: names.workspace,
    keyId: textAt(key, 'id'),
    memberId: member.userId,
    invitationId: textAt(invitation, 'id'),
    externalTokenId: textAt(token, 'data', 'createExternalEventToken', 'id'),
    eventId,
    eventName,
    property,
    deletionId: textAt(deletion, 'id'),
    ...endpoint,
  };
  const { eventName: _, deletionId: __, ...ids } = planted;
  return {
    planted,
    marks: [
      ...Object.values(ids),
      ...Object.values(names),
      owner.userId,
      owner.email,
      member.email,
      invitedEmail,
    ],
    callers: [
      ...(await keysOf(stack, workspace.session)),
      ...(await membersOf(stack, { owner, ...workspace })),
    ],
    strangers: await strangersTo(stack),
    async read() {
      const routes = [
        '/api-keys',
        '/v1/schemas',
        '/v1/properties',
        path,
        `${path}/members`,
        '/v1/workspaces',
        `/v1/schemas/${eventName}`,
        '/webhooks',
        `/webhooks/${endpoint.endpointId}/deliveries`,
        `/webhooks/${endpoint.endpointId}/replays`,
      ];
      const answers = await Promise.all(routes.map((route) => call(`GET ${route}`)));
      const tokens = await call('POST /graphql', { query: '{ externalEventTokens { id isActive } }' });
      const text = [...[...answers, tokens].map((answer) => answer.text), await readEvents()].join('\n');
      return text.replaceAll(/"(lastUsedAt|state|filledEvents|events)":("[^"]*"|null|\d+)/g, '');
    },
    readAudit: async () => (await call('GET /v1/audit')).text,
  };
}

/** An endpoint that no event goes to, with a delivery that failed and a replay that is over. */
async function plantEndpoint(
  make: (route: string, body: object) => Promise<unknown>,
  name: string,
): Promise<Pick<Planted, 'endpointId' | 'deliveryId' | 'replayId'>> {
  // Nothing listens on the port of discard, so that a call ends at once.
  const body = { url: `http://127.0.0.1:9/${name}`, events: ['nothing.of.the.kind'] };
  const endpointId = textAt(await make('POST /webhooks', body), 'id');
  const path = `/webhooks/${endpointId}`;
  const deliveryId = textAt(await make(`POST ${path}/test`, {}), 'id');
  const replayId = textAt(await make(`POST ${path}/recover`, { since: new Date().toISOString() }), 'id');
  await make(`DELETE /webhooks/replays/${replayId}`, {});
  return { endpointId, deliveryId, replayId };
}

async function keysOf(stack: TestStack, session: string): Promise<Caller[]> {
  const keys: Caller[] = [];
  for (const permission of [...OWN_PERMISSIONS, 'clients:own', undefined]) {
    const permissions = permission === undefined ? [] : [permission];
    keys.push({
      name: `a key with ${permission ?? 'no permission'}`,
      isPerson: false,
      permissions,
      secret: await issue(stack, session, permissions),
    });
  }
  return keys;
}

async function membersOf(
  stack: TestStack,
  workspace: { readonly id: string; readonly session: string; readonly owner: SignedIn },
): Promise<Caller[]> {
  const roles: readonly RoleName[] = ['owner', 'admin', 'member', 'viewer'];
  const members: Caller[] = [];
  for (const role of roles) {
    const person = role === 'owner' ? workspace.owner : await newPerson(stack);
    const secret = role === 'owner' ? workspace.session : await join(stack, workspace, { person, role });
    const permissions = ROLE_PERMISSIONS[role];
    members.push({ name: `a session of the ${role}`, isPerson: true, permissions, secret });
  }
  return members;
}

async function strangersTo(stack: TestStack): Promise<Caller[]> {
  const person = await newPerson(stack);
  const { session } = await newWorkspace(stack, person, 'Elsewhere');
  const permissions = ['*'];
  return [
    { name: 'the owner of another', isPerson: true, permissions, secret: session },
    {
      name: 'a key of another',
      isPerson: false,
      permissions,
      secret: await issue(stack, session, permissions),
    },
  ];
}

async function issue(stack: TestStack, session: string, permissions: readonly string[]): Promise<string> {
  const answer = await caller(stack, session)('POST /api-keys', { name: 'caller', permissions });
  assert.equal(answer.status, 201, answer.text);
  const secret = textAt(answer.json(), 'key');
  const known = await httpCall(`${stack.connection.url}/v1/workspaces`, {
    method: 'GET',
    headers: { 'x-api-key': secret },
  });
  assert.equal(known.status, 200, 'a key works as soon as it is issued');
  return secret;
}
