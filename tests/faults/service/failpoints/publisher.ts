import { createPublisher as createReal } from '../../../../packages/stores/src/nats/event-log/publisher.ts';
import { reachFailpoint } from '../failpoint.ts';

export * from '../../../../packages/stores/src/nats/event-log/publisher.ts';

/** A publisher that may die just before it sends and just after it was answered. */
export const createPublisher: typeof createReal = (options) => {
  const publisher = createReal(options);
  return {
    close: () => publisher.close(),
    get waiting() {
      return publisher.waiting;
    },
    async publish(publication) {
      reachFailpoint('before-publish');
      const ack = await publisher.publish(publication);
      reachFailpoint('after-publish');
      return ack;
    },
  };
};
