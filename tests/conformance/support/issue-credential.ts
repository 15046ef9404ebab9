import assert from 'node:assert/strict';
import type { TestStack } from '@millrace/testkit';
import { textAt } from './assert-answer.ts';
import { example } from './examples.ts';
import { httpCall } from './http-call.ts';
import { caller, newPerson, newWorkspace } from './people.ts';

/** Which key to issue. */
export interface CredentialWish {
  readonly permissions: readonly string[];
  /** Default: the stack's own workspace; another is one that `createWorkspace` made. */
  readonly workspaceId?: string;
  /** Milliseconds since 1970; default: never. */
  readonly expiresAtMs?: number;
  /** Default: none of its own. */
  readonly rateLimit?: { readonly requestsPerMinute: number; readonly burst: number };
}

/** Issues credentials of a running stack through its public API. */
export interface Issuer {
  /** A key of the form `sk_…`. */
  issue(wish: CredentialWish): Promise<string>;
  /** An external-event token of a workspace that `createWorkspace` made. */
  issueExternalEventToken(workspaceId: string): Promise<string>;
  /** Deactivates an issued key. */
  revoke(secret: string): Promise<void>;
  /** Makes a workspace and returns its id. Needs a stack with a mail server: somebody signs in to own it. */
  createWorkspace(): Promise<string>;
}

/** An issuer that acts with the stack's own key in its own workspace, and as the owner in those that it makes. */
export function openIssuer(stack: TestStack): Issuer {
  const owners = new Map([[stack.connection.workspaceId, stack.connection.credentials.apiKey]]);
  const issued = new Map<string, { readonly id: string; readonly owner: string }>();
  const ownerOf = (workspaceId: string): string => {
    const owner = owners.get(workspaceId);
    assert.ok(owner !== undefined, `the issuer didn't make the workspace ${workspaceId}`);
    return owner;
  };
  return {
    async issue({ permissions, workspaceId = stack.connection.workspaceId, expiresAtMs, rateLimit }) {
      const owner = ownerOf(workspaceId);
      const expiry = expiresAtMs === undefined ? {} : { expiresAt: new Date(expiresAtMs).toISOString() };
      const key = { name: 'test', permissions, ...expiry, ...(rateLimit && { rateLimit }) };
      const answer = await caller(stack, owner)('POST /api-keys', key);
      assert.equal(answer.status, 201, answer.text);
      const secret = textAt(answer.json(), 'key');
      issued.set(secret, { id: textAt(answer.json(), 'id'), owner });
      return secret;
    },
    async issueExternalEventToken(workspaceId) {
      const answer = await httpCall(`${stack.connection.url}/graphql`, {
        headers: { authorization: `Bearer ${ownerOf(workspaceId)}`, 'content-type': 'application/json' },
        body: JSON.stringify({ query: example('external-event/create-token.graphql') }),
      });
      return textAt(answer.json(), 'data', 'createExternalEventToken', 'token');
    },
    async revoke(secret) {
      const key = issued.get(secret);
      assert.ok(key, "the issuer didn't issue this key");
      const answer = await caller(stack, key.owner)(`POST /api-keys/${key.id}/deactivate`);
      assert.equal(answer.status, 200, answer.text);
    },
    async createWorkspace() {
      const { id, session } = await newWorkspace(stack, await newPerson(stack));
      owners.set(id, session);
      return id;
    },
  };
}
