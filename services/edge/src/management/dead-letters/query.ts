import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  DeadLetterState,
  type ListDeadLettersRequestSchema,
} from '@millrace/contracts/millrace/api/v1/dead_letter';
import { z } from 'zod';
import { boundedText, timestamp, wholeNumber } from '../../request/json-types.ts';
import { cursor, pageLimit, readQuery } from '../../request/query-string.ts';
import { type LetterSelection, MAX_SELECTED } from './dead-letter-api.ts';

/** What can become of a letter, in the words of JSON. */
export const STATES = ['parked', 'discarded', 'replayed'] as const;

const STATE_VALUES = {
  parked: DeadLetterState.PARKED,
  discarded: DeadLetterState.DISCARDED,
  replayed: DeadLetterState.REPLAYED,
} as const;

const MAX_LIMIT = 1_000;

const filters = {
  reason: boundedText(1, 64).describe('only with this reason').optional(),
  type: boundedText(1, 255).describe('only of this event type').optional(),
  from: timestamp().describe('parked at or after').optional(),
  to: timestamp().describe('parked before').optional(),
  cursor: cursor().optional(),
};

/** Query of `GET /v1/dead-letters`; parameters that it doesn't know are left alone. */
export const lettersQuery = z.object({
  state: z.enum(STATES).describe('only in this state').optional(),
  ...filters,
  limit: pageLimit(MAX_LIMIT).optional(),
});

/** Body of the routes that replay or discard many: parked letters, newest first. */
export const selectionBody = z
  .strictObject({
    ...filters,
    limit: wholeNumber(1, MAX_SELECTED).describe(`how many at most; ${MAX_SELECTED} when absent`).optional(),
  })
  .meta({ id: 'DeadLetterSelection', examples: [{ reason: 'refused_by_store', type: 'user.created' }] });

/** What a query asks for. Throws RequestFailure `invalid` naming each wrong parameter. */
export function decodeLettersQuery(
  search: URLSearchParams,
): MessageInitShape<typeof ListDeadLettersRequestSchema> {
  const { state, limit = 0, ...rest } = readQuery(search, lettersQuery);
  return {
    ...toSelection({ ...rest, limit }),
    state: state === undefined ? DeadLetterState.UNSPECIFIED : STATE_VALUES[state],
  };
}

/** Which letters a body selects. */
export function toSelection(body: z.output<typeof selectionBody>): LetterSelection {
  const { reason = '', type = '', from, to, limit = MAX_SELECTED, cursor: pageToken = '' } = body;
  return {
    ...{ reason, pageToken },
    eventType: type,
    pageSize: limit,
    ...(from !== undefined && { from: timestampFromMs(from) }),
    ...(to !== undefined && { to: timestampFromMs(to) }),
  };
}
