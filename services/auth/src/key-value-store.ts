import type { connectNats } from '@millrace/stores';

export {
  openRecords,
  type Records,
  type Versioned,
  type WriteOutcome,
} from '../../../packages/stores/src/kv/index.ts';

/** A connection made by `connectNats`. */
export type NatsConnection = Awaited<ReturnType<typeof connectNats>>;
