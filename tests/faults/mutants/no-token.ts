import { randomUUID } from 'node:crypto';
import { createProtobufInserter as createReal } from '../../../packages/stores/src/clickhouse/protobuf-inserter.ts';

export * from '../../../packages/stores/src/clickhouse/protobuf-inserter.ts';

/** Planted bug: every attempt of an insert has a deduplication token of its own. */
export const createProtobufInserter: typeof createReal = (options) => {
  const real = createReal(options);
  return {
    insert: (insert) => real.insert({ ...insert, token: randomUUID() }),
    dryRun: (insert) => real.dryRun(insert),
  };
};
