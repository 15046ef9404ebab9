import type { MessageInitShape } from '@bufbuild/protobuf';
import { type Timestamp, timestampFromMs } from '@bufbuild/protobuf/wkt';
import type {
  DeadLetterChange,
  GetDeadLetterResponseSchema,
} from '@millrace/contracts/millrace/analytics/v1/analytics';
import {
  type DeadLetterSchema,
  DeadLetterState,
  type ListDeadLettersRequest,
  type ListDeadLettersResponseSchema,
} from '@millrace/contracts/millrace/api/v1/dead_letter';
import { type Clock, EARLIEST_MS, fieldError, LATEST_MS, MillraceError } from '@millrace/runtime';
import { deadLetterIdentity, dedupKey } from '@millrace/wire';
import type { DeadLetterTable, LetterPlace, LetterQuestion, LetterRow } from './dead-letter-table.ts';

const DEFAULT_PAGE_LETTERS = 100;
const MAX_PAGE_LETTERS = 1_000;
const MAX_FILTER_CHARS = 255;
const MAX_CHANGES = 100;

const STATES = {
  [DeadLetterState.UNSPECIFIED]: '',
  [DeadLetterState.PARKED]: 'parked',
  [DeadLetterState.DISCARDED]: 'discarded',
  [DeadLetterState.REPLAYED]: 'replayed',
} as const;
const STATE_VALUES = {
  parked: DeadLetterState.PARKED,
  discarded: DeadLetterState.DISCARDED,
  replayed: DeadLetterState.REPLAYED,
} as const;

/**
 * A page of a workspace's dead letters, newest first. Throws MillraceError `invalid_argument` naming the field, and `unavailable`.
 */
export async function listDeadLetters(
  table: Pick<DeadLetterTable, 'list'>,
  workspaceId: string,
  request: ListDeadLettersRequest,
  signal: AbortSignal,
): Promise<MessageInitShape<typeof ListDeadLettersResponseSchema>> {
  if (workspaceId === '') throw fieldError('workspace_id', 'is required');
  const { reason, eventType, pageSize, pageToken } = request;
  const state = STATES[request.state];
  if (state === undefined) throw fieldError('state', 'is not known');
  if (pageSize > MAX_PAGE_LETTERS) throw fieldError('page_size', `at most ${MAX_PAGE_LETTERS}`);
  for (const [field, value] of Object.entries({ reason, event_type: eventType })) {
    if (value.length > MAX_FILTER_CHARS) throw fieldError(field, `at most ${MAX_FILTER_CHARS} characters`);
  }
  const limit = pageSize || DEFAULT_PAGE_LETTERS;
  const letters = await table.list(
    {
      ...{ workspaceId, state, reason, eventType },
      fromMs: millisecondsOf(request.from) ?? EARLIEST_MS,
      toMs: millisecondsOf(request.to) ?? LATEST_MS,
      behind: pageToken === '' ? { ms: LATEST_MS, shard: 0, seq: 0, index: 0 } : fromPageToken(pageToken),
      // One more tells whether there is another page.
      limit: limit + 1,
    },
    signal,
  );
  const page = letters.slice(0, limit);
  const last = page.at(-1);
  return {
    deadLetters: page.map(toMessage),
    nextPageToken: last && letters.length > limit ? toPageToken(last) : '',
  };
}

/** One letter with its event. Throws MillraceError `not_found` and `unavailable`. */
export async function getDeadLetter(
  table: Pick<DeadLetterTable, 'find' | 'isReplayed'>,
  workspaceId: string,
  id: string,
  signal: AbortSignal,
): Promise<MessageInitShape<typeof GetDeadLetterResponseSchema>> {
  if (workspaceId === '') throw fieldError('workspace_id', 'is required');
  const place = placeOf(id);
  const letter = place && (await table.find(workspaceId, place, signal));
  if (letter === undefined) throw new MillraceError('not_found', 'no such dead letter');
  // Whoever crashed between the replay and its record has still replayed it, however long ago that was.
  const key = Buffer.from(dedupKey(workspaceId, deadLetterIdentity(id)), 'latin1').toString('hex');
  const replayed = letter.state === 'replayed' || (await table.isReplayed(workspaceId, key, signal));
  return {
    deadLetter: toMessage(replayed ? { ...letter, state: 'replayed' } : letter),
    event: letter.event,
    version: letter.version,
  };
}

/** Keeps what was decided about letters. Throws MillraceError `invalid_argument` naming the field, and `unavailable`. */
export async function recordChanges(
  table: Pick<DeadLetterTable, 'record'>,
  { workspaceId, changes }: { workspaceId: string; changes: readonly DeadLetterChange[] },
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  if (workspaceId === '') throw fieldError('workspace_id', 'is required');
  if (changes.length > MAX_CHANGES) throw fieldError('changes', `at most ${MAX_CHANGES}`);
  if (changes.length === 0) return;
  const changedAtMs = clock.now();
  const rows = changes.map(({ id, state, version, eventType, event }, i) => {
    const place = placeOf(id);
    if (place === undefined) throw fieldError(`changes[${i}].id`, 'is no id of a dead letter');
    const name = STATES[state];
    if (name === undefined || name === '') throw fieldError(`changes[${i}].state`, 'is required');
    if (version < 1) throw fieldError(`changes[${i}].version`, 'must be at least 1');
    return { workspaceId, ...place, state: name, version, eventType, event, changedAtMs };
  });
  await table.record(rows, signal);
}

function toMessage(letter: LetterRow): MessageInitShape<typeof DeadLetterSchema> {
  const { reason, detail, eventId, eventType, edited, version, changedAtMs } = letter;
  return {
    ...{ reason, detail, eventId, eventType, edited },
    id: idOf(letter),
    parkedAt: timestampFromMs(letter.parkedAtMs),
    state: STATE_VALUES[letter.state],
    ...(version > 0 && { changedAt: timestampFromMs(changedAtMs) }),
  };
}

/** The first whole millisecond that is not before the time. */
function millisecondsOf(time: Timestamp | undefined): number | undefined {
  if (time === undefined) return undefined;
  const ms = Number(time.seconds) * 1_000 + Math.ceil(time.nanos / 1e6);
  return Math.min(Math.max(ms, EARLIEST_MS), LATEST_MS);
}

const ID = /^(\d{1,9})-(\d{1,15})-(\d{1,9})$/;

/** What a letter is called. */
export function idOf({ shard, seq, index }: LetterPlace): string {
  return `${shard}-${seq}-${index}`;
}

/** The place that an id names, in the one way that there is to write it: another would be another letter to deduplication. */
function placeOf(id: string): LetterPlace | undefined {
  const [shard, seq, index] = ID.exec(id)?.slice(1).map(Number) ?? [];
  if (shard === undefined || seq === undefined || index === undefined) return undefined;
  const place = { shard, seq, index };
  return idOf(place) === id ? place : undefined;
}

const TOKEN = /^(\d{1,14})\.(.+)$/;

function toPageToken(letter: LetterRow): string {
  return Buffer.from(`${letter.parkedAtMs}.${idOf(letter)}`).toString('base64url');
}

function fromPageToken(token: string): LetterQuestion['behind'] {
  const [, ms, id = ''] = TOKEN.exec(Buffer.from(token, 'base64url').toString('latin1')) ?? [];
  const place = placeOf(id);
  if (ms === undefined || place === undefined) {
    throw fieldError('page_token', 'must be the one that the last answer had');
  }
  return { ...place, ms: Number(ms) };
}
