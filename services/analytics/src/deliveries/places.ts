import { z } from 'zod';

/** Where something stands in the stream: the sequence of its message, and the place in that. */
export interface Place {
  readonly seq: number;
  readonly index: number;
}

/** A place as ClickHouse tells it. */
export const placeRow = z.object({ seq: z.coerce.number(), index: z.number() });

/** How many messages are looked through, one span after the other until there is enough: then all that is left. */
const SPANS = [4_096, 32_768, 262_144];

/**
 * The first places behind one, at most `limit` of them. `read` answers those up to a sequence. Most pages are full within a few thousand
 * messages; a question without an end would look through all that is stored for each.
 */
export async function firstPlaces(
  read: (toSeq: number) => Promise<Place[]>,
  { afterSeq, endSeq, limit }: { afterSeq: number; endSeq: number; limit: number },
): Promise<Place[]> {
  for (const span of SPANS) {
    const toSeq = afterSeq + span;
    if (toSeq >= endSeq) break;
    const places = await read(toSeq);
    if (places.length >= limit) return places;
  }
  return read(endSeq);
}
