import type { Step } from '@millrace/contracts/millrace/query/v1/query';
import { fieldError } from '@millrace/runtime';
import { filterCondition } from './filter.ts';
import type { StatementDraft } from './statement.ts';

const MAX_NAME_CHARS = 64;
const MAX_TYPE_CHARS = 255;

/** Whether an event is what a step asks for; Bool. Throws MillraceError `invalid_argument` naming the place. */
export function stepCondition(step: Step | undefined, place: string, draft: StatementDraft): string {
  if (step === undefined) return '1';
  if (step.type.length > MAX_TYPE_CHARS)
    throw fieldError(`${place}.type`, `at most ${MAX_TYPE_CHARS} characters`);
  const ofType = step.type === '' ? '1' : `event_type = ${draft.bind(step.type, 'String')}`;
  const others = filterCondition(step.filter, `${place}.filter`, draft);
  return others === '1' ? ofType : ofType === '1' ? others : `(${ofType} AND ${others})`;
}

/** What a step is called. Throws MillraceError `invalid_argument` naming the place. */
export function stepName(step: Step, index: number, place: string): string {
  if (step.name.length > MAX_NAME_CHARS)
    throw fieldError(`${place}.name`, `at most ${MAX_NAME_CHARS} characters`);
  return step.name || step.type || `step ${index + 1}`;
}

/** Whose events belong together: the column of a hash, and the condition that there is an id behind it. */
export interface Actor {
  readonly column: 'user_h' | 'session_h';
  readonly isKnown: string;
}

/** The actor that a question names by `userId` or `sessionId`. Throws MillraceError `invalid_argument` naming the place. */
export function actorOf(by: string, fallback: 'userId' | 'sessionId', place: string): Actor {
  switch (by || fallback) {
    case 'userId':
      return { column: 'user_h', isKnown: "user_h != sipHash64('')" };
    case 'sessionId':
      return { column: 'session_h', isKnown: "session_h != sipHash64('')" };
    default:
      throw fieldError(place, 'must be userId or sessionId');
  }
}

/** A duration in milliseconds, the fallback for none. Throws MillraceError `invalid_argument` naming the place. */
export function durationMs(
  duration: { readonly seconds: bigint; readonly nanos: number } | undefined,
  limits: { fallbackMs: number; mostMs: number; place: string },
): number {
  if (duration === undefined) return limits.fallbackMs;
  const ms = Number(duration.seconds) * 1_000 + Math.floor(duration.nanos / 1e6);
  if (!(ms > 0 && ms <= limits.mostMs)) {
    throw fieldError(limits.place, `must be positive and at most ${limits.mostMs / 86_400_000} days`);
  }
  return ms;
}
