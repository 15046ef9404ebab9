import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { HttpAnswer, TestStack } from '@millrace/testkit';
import { memberOf, textAt } from './assert-answer.ts';
import { type Call, caller, newPerson, newWorkspace } from './people.ts';
import { type PoisonEvent, plantDeadLetters } from './plant-dead-letters.ts';
import { findEvents, type StoredEvent, settle } from './stored-events.ts';

/** An event of the bench's workspace that becomes a dead letter. */
export type WorkspacePoison = Omit<PoisonEvent, 'workspaceId'>;

/** Two workspaces, and what their owners do with dead letters. */
export interface DeadLetterBench {
  readonly workspaceId: string;
  readonly otherId: string;
  /** Of the owner of the first. */
  readonly session: string;
  readonly call: Call;
  readonly other: Call;
  /** Makes letters of the first workspace and answers their ids. */
  plant(...events: readonly WorkspacePoison[]): Promise<string[]>;
  /** The ids that a list has. */
  list(search: string, from?: Call): Promise<string[]>;
  /** What is stored of an event of the first workspace once everything accepted is. */
  stored(eventId: string): Promise<StoredEvent[]>;
}

/** Makes the workspaces. Needs a stack with a mail server. */
export async function openDeadLetters(stack: TestStack): Promise<DeadLetterBench> {
  const [owner, stranger] = [await newPerson(stack), await newPerson(stack)];
  const [own, others] = [await newWorkspace(stack, owner), await newWorkspace(stack, stranger)];
  const workspaceId = own.id;
  const call = caller(stack, own.session);
  return {
    workspaceId,
    otherId: others.id,
    session: own.session,
    call,
    other: caller(stack, others.session),
    plant: (...events) =>
      plantDeadLetters(
        stack,
        events.map((event) => ({ ...event, workspaceId })),
      ),
    async list(search, from = call) {
      const letters = memberOf(await succeed(from(`GET /v1/dead-letters?${search}`)), 'deadLetters');
      assert.ok(Array.isArray(letters));
      return letters.map((letter) => textAt(letter, 'id'));
    },
    async stored(eventId) {
      await settle(stack);
      return findEvents(stack, { eventId, workspaceId });
    },
  };
}

/** The body of an answer that has this status; undefined for one without. */
export async function succeed(asked: Promise<HttpAnswer>, status = 200): Promise<unknown> {
  const answer = await asked;
  assert.equal(answer.status, status, answer.text);
  return status === 204 ? undefined : answer.json();
}

/** Where a letter is. */
export function pathOf(id: string): string {
  return `/v1/dead-letters/${id}`;
}

/** An id that no event has had. */
export function newId(): string {
  return `e-${randomUUID().slice(0, 8)}`;
}
