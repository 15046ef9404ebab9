import type { MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import type { GetDeadLetterResponseSchema } from '@millrace/contracts/millrace/analytics/v1/analytics';
import {
  type DeadLetter,
  DeadLetterState,
  type ListDeadLettersRequestSchema,
  type ListDeadLettersResponse,
} from '@millrace/contracts/millrace/api/v1/dead_letter';
import { fieldError, MillraceError } from '@millrace/runtime';
import { encodeEvent, readEvent } from '@millrace/wire';
import { type Grant, hasPermission } from '../../clients/credentials.ts';
import type { ApiDeps } from '../../request/api.ts';
import { invalid } from '../../request/issues.ts';
import { RequestFailure } from '../../server/failure.ts';
import { checkLetterEvent, type LetterEdit } from './letter-event.ts';

/** What dead letters are looked after with. */
export type DeadLetterDeps = Pick<
  ApiDeps,
  'questions' | 'events' | 'checkEvent' | 'auditLog' | 'clock' | 'newId'
>;

/** Who asks, and for how long they wait. */
export interface LetterCaller {
  readonly grant: Grant;
  readonly requestId: string;
  readonly ipAddress: string;
  readonly signal: AbortSignal;
}

/** Which parked letters are replayed or discarded at once. */
export type LetterSelection = Pick<
  MessageInitShape<typeof ListDeadLettersRequestSchema>,
  'reason' | 'eventType' | 'from' | 'to' | 'pageSize' | 'pageToken'
>;

/** Letters that one request replays or discards. */
export const MAX_SELECTED = 100;

/** A letter with its event. */
export type WholeLetter = MessageShape<typeof GetDeadLetterResponseSchema> & {
  readonly deadLetter: DeadLetter;
};

const READ = 'events:read';

/** An access rule asks for `events:write`, which keys in browsers have too: who changes a letter must be one who may read it. */
export function requireReading(grant: Grant): void {
  if (!hasPermission(grant, READ)) throw new RequestFailure({ kind: 'forbidden', permission: READ });
}

/** A page of letters. Throws MillraceError. */
export async function listLetters(
  { questions }: Pick<DeadLetterDeps, 'questions'>,
  { grant: { workspaceId }, signal }: LetterCaller,
  request: MessageInitShape<typeof ListDeadLettersRequestSchema>,
): Promise<Pick<ListDeadLettersResponse, 'deadLetters' | 'nextPageToken'>> {
  const { response } = await questions.listDeadLetters({ workspaceId, request }, signal);
  return response ?? { deadLetters: [], nextPageToken: '' };
}

/** One letter. Throws MillraceError `not_found` and `unavailable`. */
export async function findLetter(
  { questions }: Pick<DeadLetterDeps, 'questions'>,
  { grant: { workspaceId }, signal }: LetterCaller,
  id: string,
): Promise<WholeLetter> {
  const { deadLetter, ...letter } = await questions.getDeadLetter({ workspaceId, id }, signal);
  if (deadLetter === undefined) throw new MillraceError('internal', 'an answer without a letter');
  return { ...letter, deadLetter };
}

/** Changes the event of a parked letter, by the rules of the door; returns the letter when the change is in the audit log. */
export async function editLetter(
  deps: DeadLetterDeps,
  caller: LetterCaller,
  { id, edit }: { id: string; edit: LetterEdit },
): Promise<WholeLetter> {
  const letter = await findLetter(deps, caller, id);
  if (letter.deadLetter.state !== DeadLetterState.PARKED) throw decided(letter.deadLetter.state);
  const checked = checkLetterEvent(letter.event, contextOf(deps, caller), edit);
  if (checked.kind === 'invalid') throw invalid([checked.issue]);
  const issue = deps.checkEvent(checked.event);
  if (issue !== undefined) throw invalid([issue]);
  // The time of the letter's own event, which an edit doesn't change; a replay has another.
  const { receivedAtMs } = readEvent(Buffer.from(letter.event));
  const event = Buffer.from(encodeEvent({ ...checked.event, receivedAtMs }, ''));
  const { eventType } = checked.event;
  const change = { id, state: DeadLetterState.PARKED, version: letter.version + 1, event, eventType };
  await deps.questions.recordDeadLetterChanges(
    { workspaceId: caller.grant.workspaceId, changes: [change] },
    caller.signal,
  );
  await audit(deps, caller, { id, action: 'edited', details: { fields: Object.keys(edit.fields) } });
  return findLetter(deps, caller, id);
}

/** Gives letters up; returns when that is in the audit log. One that is given up already is as good. Throws MillraceError. */
export async function discardLetter(deps: DeadLetterDeps, caller: LetterCaller, id: string): Promise<void> {
  const { deadLetter } = await findLetter(deps, caller, id);
  if (deadLetter.state === DeadLetterState.REPLAYED) throw decided(deadLetter.state);
  await discardAll(deps, caller, [id]);
}

/** Gives a page of letters up, and says which. Throws MillraceError. */
export async function discardLetters(
  deps: DeadLetterDeps,
  caller: LetterCaller,
  selection: LetterSelection,
): Promise<{ ids: string[]; nextPageToken: string }> {
  const { deadLetters, nextPageToken } = await selectLetters(deps, caller, selection);
  const ids = deadLetters.map(({ id }) => id);
  await discardAll(deps, caller, ids);
  return { ids, nextPageToken };
}

/** A page of parked letters to replay or discard at once. Throws MillraceError. */
export function selectLetters(
  deps: Pick<DeadLetterDeps, 'questions'>,
  caller: LetterCaller,
  { reason = '', eventType = '', from, to, pageSize = 0, pageToken = '' }: LetterSelection,
): Promise<Pick<ListDeadLettersResponse, 'deadLetters' | 'nextPageToken'>> {
  if (pageSize > MAX_SELECTED) throw fieldError('page_size', `at most ${MAX_SELECTED}`);
  return listLetters(deps, caller, {
    ...{ reason, eventType, pageToken },
    ...(from && { from }),
    ...(to && { to }),
    pageSize: pageSize || MAX_SELECTED,
    state: DeadLetterState.PARKED,
  });
}

async function discardAll(deps: DeadLetterDeps, caller: LetterCaller, ids: readonly string[]) {
  // A replay that overtakes it wins, whatever the versions say: its event is on its way.
  const changes = ids.map((id) => ({ id, state: DeadLetterState.DISCARDED, version: 1 }));
  const { workspaceId } = caller.grant;
  await deps.questions.recordDeadLetterChanges({ workspaceId, changes }, caller.signal);
  await Promise.all(ids.map((id) => audit(deps, caller, { id, action: 'discarded' })));
}

/** An event that comes to the door now. */
export function contextOf({ clock, newId }: DeadLetterDeps, { grant }: LetterCaller) {
  return { workspaceId: grant.workspaceId, receivedAtMs: clock.now(), traceId: '', newId };
}

/** The refusal to change a letter that has been decided about. */
export function decided(state: DeadLetterState): MillraceError {
  const what = state === DeadLetterState.REPLAYED ? 'replayed' : 'discarded';
  return new MillraceError('failed_precondition', `the dead letter is ${what}`);
}

/** Records what was done to a letter. */
export function audit(
  { auditLog }: DeadLetterDeps,
  { grant, requestId, ipAddress }: LetterCaller,
  entry: { id: string; action: string; details?: Readonly<Record<string, unknown>> },
): Promise<void> {
  const { workspaceId, userId, credentialId } = grant;
  return auditLog.record({
    workspaceId,
    action: `dead_letter.${entry.action}`,
    outcome: 'succeeded',
    actor: { userId, credentialId, ipAddress, requestId },
    target: { type: 'dead_letter', id: entry.id },
    ...(entry.details && { details: entry.details }),
  });
}
