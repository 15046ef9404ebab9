import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { eventually, type SignedIn, type TestStack } from '@millrace/testkit';
import { memberOf, textAt } from './assert-answer.ts';
import { type Call, caller, newWorkspace } from './people.ts';

/** A workspace of one's own, and what is asked of its webhooks. */
export interface WorkspaceWithHooks {
  readonly id: string;
  readonly session: string;
  readonly call: Call;
  /** Makes an endpoint; answers it with its secret. */
  subscribe(body: object): Promise<{ id: string; secret: string }>;
  /** Makes an event by `POST /webhooks/trigger`; answers its id. */
  trigger(event: string, data?: object): Promise<string>;
  /** An endpoint's delivery of an event, once it stands so and its event is stored. */
  delivery(endpointId: string, eventId: string, status: string): Promise<Record<string, unknown>>;
  /** A replay, once it is done. */
  untilReplayed(endpointId: string, replayId: string): Promise<Record<string, unknown>>;
}

/** For what waits for retries, and for attempts to be stored. */
const TIMEOUT_MS = 30_000;

/** Makes one. */
export async function workspaceWithHooks(stack: TestStack, owner: SignedIn): Promise<WorkspaceWithHooks> {
  const { id, session } = await newWorkspace(stack, owner, 'Hooks');
  const call = caller(stack, session);
  return {
    ...{ id, session, call },
    async subscribe(body) {
      const made = await call('POST /webhooks', body);
      assert.equal(made.status, 201, made.text);
      return { id: textAt(made.json(), 'id'), secret: textAt(made.json(), 'secret') };
    },
    async trigger(event, data = {}) {
      const made = await call('POST /webhooks/trigger', { event, data });
      assert.equal(made.status, 202, made.text);
      return textAt(made.json(), 'id');
    },
    delivery: (endpointId, eventId, status) =>
      eventually(
        async () => {
          const listed = await call(`GET /webhooks/${endpointId}/deliveries?eventId=${eventId}`);
          assert.equal(listed.status, 200, listed.text);
          const found = memberOf(listed.json(), 'deliveries', 0);
          assert.equal(memberOf(found, 'status'), status, listed.text);
          // The event may be delivered before it is stored.
          assert.notEqual(memberOf(found, 'payload'), null, listed.text);
          return Object(found);
        },
        { timeoutMs: TIMEOUT_MS },
      ),
    untilReplayed: (endpointId, replayId) =>
      eventually(
        async () => {
          const listed = await call(`GET /webhooks/${endpointId}/replays`);
          const replays: unknown = listed.json();
          assert.ok(Array.isArray(replays), listed.text);
          const found = replays.find(({ id: known }) => known === replayId);
          assert.equal(memberOf(found, 'status'), 'done', listed.text);
          return Object(found);
        },
        { timeoutMs: TIMEOUT_MS },
      ),
  };
}

/** A path of a receiver that nobody else is called at. */
export function newPath(): string {
  return `/hooks/${randomUUID()}`;
}
