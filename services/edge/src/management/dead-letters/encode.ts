import { type DeadLetter, DeadLetterState } from '@millrace/contracts/millrace/api/v1/dead_letter';
import { isoTime } from '@millrace/runtime';
import { readEvent } from '@millrace/wire';
import { z } from 'zod';
import { fieldOf } from '../../request/problem/describe-failure.ts';
import { instant } from '../../request/response.ts';
import type { Reply } from '../../server/exchange.ts';
import { eventJson, eventSchema } from '../events/event-json.ts';
import type { WholeLetter } from './dead-letter-api.ts';
import { STATES } from './query.ts';
import type { ReplayOutcome } from './replay.ts';
import { toStoredEvent } from './stored-event.ts';

const letterFields = {
  id: z.string(),
  reason: z.string(),
  detail: z.string().describe('the cause, for people'),
  eventId: z.string().nullable(),
  eventType: z.string().nullable().describe('as it was edited'),
  state: z.enum(STATES),
  edited: z.boolean(),
  parkedAt: instant().nullable(),
  changedAt: instant().nullable(),
};

const letterItem = z.strictObject(letterFields).meta({ id: 'DeadLetterItem' });

/** A page of letters. */
export const letterPage = z
  .strictObject({ deadLetters: z.array(letterItem), nextCursor: z.string().nullable() })
  .meta({ id: 'DeadLetterPage' });

/** A letter with its event. */
export const letter = z
  .strictObject({
    ...letterFields,
    readable: z.boolean().describe('whether all of the event could be read; otherwise it is edited first'),
    event: eventSchema,
  })
  .meta({ id: 'DeadLetter' });

/** What a replay answers. */
export const replayed = z
  .strictObject({
    id: z.string(),
    eventId: z.string(),
    alreadyReplayed: z.boolean().describe('an earlier replay had done it'),
  })
  .meta({ id: 'DeadLetterReplay' });

/** What became of many. */
export const replayedMany = z
  .strictObject({
    replayed: z.array(replayed),
    failed: z.array(z.strictObject({ id: z.string(), field: z.string(), issue: z.string() })),
    nextCursor: z.string().nullable().describe('`cursor` of the next request; null when these were the last'),
  })
  .meta({ id: 'DeadLetterReplays' });

/** Which were given up. */
export const discardedMany = z
  .strictObject({ discarded: z.array(z.string()), nextCursor: z.string().nullable() })
  .meta({ id: 'DeadLetterDiscards' });

const STATE_NAMES = {
  [DeadLetterState.UNSPECIFIED]: 'parked',
  [DeadLetterState.PARKED]: 'parked',
  [DeadLetterState.DISCARDED]: 'discarded',
  [DeadLetterState.REPLAYED]: 'replayed',
} as const;

/** A letter in a list. */
export function toItem(one: DeadLetter): z.output<typeof letterItem> {
  const { id, reason, detail, eventId, eventType, state, edited, parkedAt, changedAt } = one;
  return {
    ...{ id, reason, detail, edited },
    eventId: eventId || null,
    eventType: eventType || null,
    state: STATE_NAMES[state],
    parkedAt: isoTime(parkedAt),
    changedAt: isoTime(changedAt),
  };
}

/** A letter with its event, whose payload and metadata stand there as they came. */
export function encodeLetter({ deadLetter, event }: WholeLetter): Reply {
  const read = readEvent(Buffer.from(event));
  const head = JSON.stringify({ ...toItem(deadLetter), readable: read.isWhole });
  return { status: 200, body: `${head.slice(0, -1)},"event":${eventJson(toStoredEvent(read))}}` };
}

/** What became of many letters; one that was discarded meanwhile is as if it had never been selected. */
export function toReplays(
  outcomes: readonly { id: string; outcome: ReplayOutcome }[],
): Omit<z.output<typeof replayedMany>, 'nextCursor'> {
  const done: z.output<typeof replayed>[] = [];
  const failed: z.output<typeof replayedMany>['failed'] = [];
  for (const { id, outcome } of outcomes) {
    if (outcome.kind === 'replayed') {
      done.push({ id, eventId: outcome.eventId, alreadyReplayed: outcome.already });
    } else if (outcome.kind === 'invalid') {
      failed.push({ id, field: fieldOf(outcome.issue.path), issue: outcome.issue.message });
    }
  }
  return { replayed: done, failed };
}
