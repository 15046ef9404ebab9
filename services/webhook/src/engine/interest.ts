import type { ErasedUsers } from '@millrace/stores';
import type { ReadEvent } from '@millrace/wire';
import type { Subscriber, Subscriptions } from '../matching/subscriptions.ts';
import type { StreamedEvent } from './streamed-event.ts';

/**
 * Finds the lanes that want an event, whether or not they are behind; none for an event of a deleted user. Lanes that catch up come to the
 * same event one after the other: who wants it is found once, until a subscription changes.
 */
export function createInterest<Lane>(options: {
  subscriptions: Pick<Subscriptions<Subscriber<ReadEvent>, ReadEvent>, 'version' | 'matching'>;
  /** By endpoint; one that subscribes has its lane here as long as it does. */
  lanes: ReadonlyMap<string, Lane>;
  erased: Pick<ErasedUsers, 'isErased'>;
}): (event: StreamedEvent) => readonly Lane[] {
  const { subscriptions, lanes, erased } = options;
  const found = new WeakMap<StreamedEvent, { readonly version: number; readonly lanes: readonly Lane[] }>();
  return (event) => {
    if (erased.isErased(event)) return [];
    const { version } = subscriptions;
    const known = found.get(event);
    if (known?.version === version) return known.lanes;
    const wanting = subscriptions
      .matching(event.workspaceId, event.fields)
      .flatMap(({ id }) => lanes.get(id) ?? []);
    found.set(event, { version, lanes: wanting });
    return wanting;
  };
}
