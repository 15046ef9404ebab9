import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type HttpAnswer, type SignedIn, signIn, type TestStack } from '@millrace/testkit';
import { memberOf, textAt } from './assert-answer.ts';
import { httpCall } from './http-call.ts';

/** Calls a route of `/v1` and answers what came back. */
export type Call = (route: string, body?: unknown) => Promise<HttpAnswer>;

/** Signs in somebody with an address that nobody has had. */
export function newPerson(stack: TestStack): Promise<SignedIn> {
  return signIn(stack.connection.url, stack.mail, `${randomUUID()}@example.com`);
}

/** Calls as the bearer of a session or key: `caller(stack, token)('GET /v1/workspaces')`. */
export function caller(stack: TestStack, secret: string): Call {
  return (route, body) => {
    const [method = '', path = ''] = route.split(' ');
    return httpCall(`${stack.connection.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${secret}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  };
}

/** Makes a workspace and answers its id and a session of its maker in it. */
export async function newWorkspace(
  stack: TestStack,
  owner: SignedIn,
  name = 'Acme',
): Promise<{ id: string; session: string }> {
  const made = await caller(stack, owner.token)('POST /v1/workspaces', { name });
  assert.equal(made.status, 201, made.text);
  assert.equal(memberOf(made.json(), 'role'), 'owner');
  const id = textAt(made.json(), 'id');
  return { id, session: await sessionIn(stack, owner, id) };
}

/** A session of somebody in one of their workspaces. */
export async function sessionIn(stack: TestStack, person: SignedIn, workspaceId: string): Promise<string> {
  const answer = await caller(stack, person.token)(`POST /v1/workspaces/${workspaceId}/session`);
  assert.equal(answer.status, 201, answer.text);
  return textAt(answer.json(), 'token');
}

/** Invites somebody who has signed in before; they sign in again, and act in the workspace. */
export async function join(
  stack: TestStack,
  workspace: { readonly id: string; readonly session: string },
  { person, role }: { person: SignedIn; role: string },
): Promise<string> {
  const mails = stack.mail.mails.filter(({ to }) => to === person.email).length;
  const body = { email: person.email, role };
  const invited = await caller(stack, workspace.session)(
    `POST /v1/workspaces/${workspace.id}/invitations`,
    body,
  );
  assert.equal(invited.status, 201, invited.text);
  // The next mail to them must be the one with the code.
  await stack.mail.waitFor(person.email, mails);
  const again = await signIn(stack.connection.url, stack.mail, person.email);
  assert.equal(again.userId, person.userId);
  return sessionIn(stack, again, workspace.id);
}
