import type { StreamedMessage } from '@millrace/wire';
import { LRUCache } from 'lru-cache';
import type { EventFeed } from './ports.ts';

/** A piece of the stream as it was read: all of its messages from one sequence through another. */
interface Piece {
  readonly fromSeq: number;
  readonly throughSeq: number;
  readonly messages: readonly StreamedMessage[];
}

const MAX_PIECES = 16;
const MAX_BYTES = 16 * 1024 * 1024;
const MESSAGE_BYTES = 256;

/** Reads for those who are behind: they come to the same piece of the stream again and again, a few events at a time. */
export interface RecentReads extends Pick<EventFeed, 'read'> {
  /** Another stream may have come in the place of the one that was read. */
  forget(): void;
}

/** Makes one that has read nothing. */
export function createRecentReads(feed: Pick<EventFeed, 'read'>): RecentReads {
  const pieces = new LRUCache<number, Piece>({
    max: MAX_PIECES,
    maxSize: MAX_BYTES,
    sizeCalculation: ({ messages }) =>
      messages.reduce((sum, { data }) => sum + MESSAGE_BYTES + data.length, 0),
  });
  return {
    async read(range) {
      const { fromSeq, toSeq } = range;
      for (const piece of pieces.values()) {
        if (fromSeq < piece.fromSeq || fromSeq > piece.throughSeq) continue;
        const messages = piece.messages.filter(({ seq }) => seq >= fromSeq && seq <= toSeq);
        if (messages.length === 0) continue;
        pieces.get(piece.fromSeq);
        return messages;
      }
      const messages = await feed.read(range);
      const throughSeq = messages.at(-1)?.seq;
      if (throughSeq !== undefined) pieces.set(fromSeq, { fromSeq, throughSeq, messages });
      return messages;
    },
    forget: () => pieces.clear(),
  };
}
