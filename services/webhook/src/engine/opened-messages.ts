import { type RecentKeys, type StreamedMessage, wantedEvents } from '@millrace/wire';
import { LRUCache } from 'lru-cache';
import { StreamedEvent } from './streamed-event.ts';

const MAX_MESSAGES = 256;
const MAX_BYTES = 16 * 1024 * 1024;
/** What is kept of a message's bytes: as they came, the events' own, and what is read of them. */
const COPIES = 4;

interface Opened {
  readonly data: Buffer;
  readonly events: readonly StreamedEvent[];
  /** Workspaces whose events were left out, since nobody wanted any. */
  readonly unwanted: ReadonlySet<string>;
}

/**
 * Opens messages of the stream for those who are behind. They come to the same message one after the other, a few events at a time: it
 * is taken apart once, and they share its events.
 */
export function createOpenedMessages(options: {
  keys: RecentKeys;
  isWanted: (workspaceId: string) => boolean;
}): (message: StreamedMessage) => readonly StreamedEvent[] {
  const { keys, isWanted } = options;
  const opened = new LRUCache<number, Opened>({
    max: MAX_MESSAGES,
    maxSize: MAX_BYTES,
    sizeCalculation: ({ data }) => COPIES * data.length,
  });
  const isCurrent = ({ unwanted }: Opened): boolean => {
    for (const workspaceId of unwanted) if (isWanted(workspaceId)) return false;
    return true;
  };
  return (message) => {
    const known = opened.get(message.seq);
    // Another stream in the place of the one before counts from 1 again.
    if (known !== undefined && isCurrent(known) && known.data.equals(message.data)) return known.events;
    const unwanted = new Set<string>();
    const events = wantedEvents(message, {
      keys,
      isWanted(workspaceId) {
        if (isWanted(workspaceId)) return true;
        unwanted.add(workspaceId);
        return false;
      },
      make: (...event) => new StreamedEvent(...event),
    });
    if (message.data.length > 0) opened.set(message.seq, { data: message.data, events, unwanted });
    return events;
  };
}
