import type { Logger } from '@millrace/runtime';
import type { JetStreamManager } from 'nats';
import { EVENTS_STREAM } from './shards.ts';

const INTERVAL_MS = 1_000;
const NEARLY_FULL = 0.8;

/** Whether the stream `EVENTS` has room. */
export interface StreamRoom {
  /** True from 80 % on. */
  readonly nearlyFull: boolean;
  /** As last seen; zeros before the first look. */
  readonly usedBytes: number;
  readonly maxBytes: number;
  close(): void;
}

/** Watches how full the stream is, once a second; while the server doesn't answer the last answer stands. */
export function watchStreamRoom(options: { manager: JetStreamManager; log: Logger }): StreamRoom {
  let nearlyFull = false;
  let usedBytes = 0;
  let maxBytes = 0;
  let asking = false;
  const look = async () => {
    if (asking) return;
    asking = true;
    try {
      const { state, config } = await options.manager.streams.info(EVENTS_STREAM);
      usedBytes = state.bytes;
      maxBytes = Math.max(0, config.max_bytes);
      const full = config.max_bytes > 0 && state.bytes >= config.max_bytes * NEARLY_FULL;
      if (full !== nearlyFull)
        options.log.warn({ bytes: state.bytes, full }, 'stream passed 80 % of its room');
      nearlyFull = full;
    } catch (error) {
      options.log.debug({ err: error }, 'stream state not available');
    } finally {
      asking = false;
    }
  };
  look();
  const timer = setInterval(look, INTERVAL_MS);
  timer.unref();
  return {
    get nearlyFull() {
      return nearlyFull;
    },
    get usedBytes() {
      return usedBytes;
    },
    get maxBytes() {
      return maxBytes;
    },
    close: () => clearInterval(timer),
  };
}
