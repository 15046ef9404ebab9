import type { FakeFeed, NewEvent } from './tail.ts';

/** Lets everybody else have a few turns of the event loop. */
export const turns = async (count = 20) => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};
/** Events that are numbered. */
export const range = (from: number, to: number): NewEvent[] =>
  Array.from({ length: to - from }, (_, i) => ({ id: String(from + i) }));
/** Their ids. */
export const idsOf = (events: readonly NewEvent[]) => events.map(({ id }) => id);

/** Publishes each event in a message of its own. */
export function publishEach(feed: FakeFeed, events: readonly NewEvent[]): void {
  for (const event of events) feed.publish([event]);
}
