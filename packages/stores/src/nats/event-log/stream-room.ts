import type { Logger } from '@millrace/runtime';
import type { JetStreamManager } from 'nats';
import { EVENTS_STREAM } from './shards.ts';

const INTERVAL_MS = 1_000;
const NEARLY_FULL = 0.8;

/** Whether the stream `EVENTS` has room. */
export interface StreamRoom {
  /** True from 80 % on. */
  readonly nearlyFull: boolean;
  close(): void;
}

/** Watches how full the stream is, once a second; while the server doesn't answer the last answer stands. */
export function watchStreamRoom(options: { manager: JetStreamManager; log: Logger }): StreamRoom {
  let nearlyFull = false;
  let asking = false;
  const look = async () => {
    if (asking) return;
    asking = true;
    try {
      const { state, config } = await options.manager.streams.info(EVENTS_STREAM);
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
  const timer = setInterval(look, INTERVAL_MS);
  timer.unref();
  return {
    get nearlyFull() {
      return nearlyFull;
    },
    close: () => clearInterval(timer),
  };
}
