import { DeadLetterState } from '@millrace/contracts/millrace/api/v1/dead_letter';
import { fieldError, MillraceError } from '@millrace/runtime';
import { deadLetterIdentity } from '@millrace/wire';
import type { CanonicalEvent } from '../../ingest/canonical-event.ts';
import { fieldOf } from '../../request/problem/describe-failure.ts';
import type { Issue } from '../../server/failure.ts';
import {
  audit,
  contextOf,
  type DeadLetterDeps,
  decided,
  findLetter,
  type LetterCaller,
  type LetterSelection,
  selectLetters,
  type WholeLetter,
} from './dead-letter-api.ts';
import { checkLetterEvent } from './letter-event.ts';

/** Sends a letter's event again. Throws MillraceError for every outcome but one. */
export async function replayLetter(
  deps: DeadLetterDeps,
  caller: LetterCaller,
  id: string,
): Promise<Extract<ReplayOutcome, { kind: 'replayed' }>> {
  const [outcome = { kind: 'unavailable' }] = await replayEach(deps, caller, [
    await findLetter(deps, caller, id),
  ]);
  switch (outcome.kind) {
    case 'replayed':
      return outcome;
    case 'invalid':
      // In these terms REST and RPC have both words for it.
      throw fieldError(fieldOf(outcome.issue.path), outcome.issue.message);
    case 'discarded':
      throw decided(DeadLetterState.DISCARDED);
    case 'unavailable':
      throw new MillraceError('unavailable', 'the event is not known to be stored');
  }
}

/** Sends a page of letters again, and says what became of each. Throws MillraceError `unavailable`; asking again goes on. */
export async function replayLetters(
  deps: DeadLetterDeps,
  caller: LetterCaller,
  selection: LetterSelection,
): Promise<{ outcomes: { id: string; outcome: ReplayOutcome }[]; nextPageToken: string }> {
  const { deadLetters, nextPageToken } = await selectLetters(deps, caller, selection);
  const outcomes: { id: string; outcome: ReplayOutcome }[] = [];
  for (let from = 0; from < deadLetters.length; from += PART_LETTERS) {
    const part = deadLetters.slice(from, from + PART_LETTERS);
    const letters = await Promise.all(part.map(({ id }) => findLetter(deps, caller, id)));
    const found = await replayEach(deps, caller, letters);
    if (found.some(({ kind }) => kind === 'unavailable')) {
      throw new MillraceError('unavailable', 'not all events are known to be stored');
    }
    for (const [i, outcome] of found.entries()) outcomes.push({ id: part[i]?.id ?? '', outcome });
  }
  return { outcomes, nextPageToken };
}

/** What became of a replay. */
export type ReplayOutcome =
  | { readonly kind: 'replayed'; readonly eventId: string; readonly already: boolean }
  | { readonly kind: 'invalid'; readonly issue: Issue }
  | { readonly kind: 'discarded' }
  | { readonly kind: 'unavailable' };

/** Letters that are read, sent again and recorded at once: each may have a megabyte. */
const PART_LETTERS = 10;

/**
 * Durable first, then recorded, then audited: after a crash in between the letter is still parked, and its next replay finds the
 * event by the key that both have.
 */
async function replayEach(
  deps: DeadLetterDeps,
  caller: LetterCaller,
  letters: readonly WholeLetter[],
): Promise<ReplayOutcome[]> {
  const { workspaceId } = caller.grant;
  const prepared = letters.map((letter) => prepare(deps, caller, letter));
  const events = prepared.flatMap((one) => ('event' in one ? [one.event] : []));
  const submitted = await deps.events.submitEach(events);
  let next = 0;
  const outcomes = prepared.map((one): ReplayOutcome => {
    if ('outcome' in one) return one.outcome;
    const outcome = submitted[next++] ?? { kind: 'unavailable' };
    switch (outcome.kind) {
      case 'invalid':
      case 'unavailable':
        return outcome;
      default:
        // With another content under the key of this letter it was replayed before its last edit.
        return { kind: 'replayed', eventId: outcome.eventId, already: outcome.kind !== 'accepted' };
    }
  });
  const replayed = letters.filter((_, i) => outcomes[i]?.kind === 'replayed');
  const changes = replayed.map(({ deadLetter: { id }, version }) => ({
    ...{ id, version: version + 1 },
    state: DeadLetterState.REPLAYED,
  }));
  await deps.questions.recordDeadLetterChanges({ workspaceId, changes }, caller.signal);
  await Promise.all(
    replayed.map(({ deadLetter: { id, eventId } }) =>
      // Also when an earlier replay has done it: this may be the retry of one that was not audited any more.
      audit(deps, caller, { id, action: 'replayed', details: { eventId } }),
    ),
  );
  return outcomes;
}

function prepare(
  deps: DeadLetterDeps,
  caller: LetterCaller,
  { deadLetter: { id, state, eventId }, event: bytes }: WholeLetter,
): { event: CanonicalEvent } | { outcome: ReplayOutcome } {
  if (state === DeadLetterState.REPLAYED) return { outcome: { kind: 'replayed', eventId, already: true } };
  if (state === DeadLetterState.DISCARDED) return { outcome: { kind: 'discarded' } };
  const checked = checkLetterEvent(bytes, contextOf(deps, caller));
  if (checked.kind === 'invalid') return { outcome: checked };
  const content = Buffer.from(bytes).toString('latin1');
  return { event: { ...checked.event, identity: { ...deadLetterIdentity(id), content } } };
}
