import { setTimeout as sleep } from 'node:timers/promises';
import { createBatchInserter as createReal } from '../../../services/ingest/src/writer/insert-batch.ts';

export * from '../../../services/ingest/src/writer/insert-batch.ts';

const behindMs = 200;

/** Planted bug: rows are reported as stored at once and inserted behind the writer's back. */
export const createBatchInserter: typeof createReal = (options) => {
  const insert = createReal(options);
  let queue: Promise<unknown> = Promise.resolve();
  return async (rows, follows, ownership) => {
    queue = queue
      .then(() => sleep(behindMs))
      .then(() => insert(rows, follows, ownership))
      .catch((error: unknown) => options.log.warn({ err: error }, 'insert behind the back failed'));
    return { kind: 'stored' };
  };
};
