import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  TailEnd,
  type TailEventsRequest,
  type TailEventsResponseSchema,
  TailGap,
} from '@millrace/contracts/millrace/analytics/v1/analytics';
import type { CallContext } from '@millrace/runtime';
import { compileEventFilter } from '@millrace/wire';
import type { Tail } from './tail.ts';
import type { End, Gap } from './tail-reader.ts';

const GAPS: Readonly<Record<Gap, TailGap>> = { trimmed: TailGap.TRIMMED, replaced: TailGap.REPLACED };
const ENDS: Readonly<Record<End, TailEnd>> = {
  slow_reader: TailEnd.SLOW_READER,
  draining: TailEnd.DRAINING,
};

/** A tail in the words of the contract. */
export async function* answerTail(
  tail: Tail,
  request: TailEventsRequest,
  context: Pick<CallContext, 'signal' | 'closing'>,
): AsyncGenerator<MessageInitShape<typeof TailEventsResponseSchema>> {
  const { filter } = request;
  const wish = { ...request, ...(filter && { matches: compileEventFilter(filter) }) };
  for await (const told of tail.read(wish, context)) {
    const { cursor } = told;
    switch (told.kind) {
      case 'events':
        yield { cursor, events: told.events.map((event) => event.told) };
        break;
      case 'gap':
        yield { cursor, gap: GAPS[told.gap] };
        break;
      case 'end':
        yield { cursor, end: ENDS[told.end] };
        break;
      case 'still':
        yield { cursor };
        break;
    }
  }
}
