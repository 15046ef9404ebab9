import closeWithGrace from 'close-with-grace';
import type { Logger } from './logger.ts';

/** Something that was started and must be stopped. */
export interface Closable {
  close(): Promise<void>;
}

/** Longest that a process may take to go down, in milliseconds. */
const SHUTDOWN_DEADLINE_MS = 45_000;

/**
 * Starts a service and stops it on SIGTERM, SIGINT or an uncaught error.
 * A failed start is logged and exits 1.
 */
export async function runService(options: { log: Logger; start: () => Promise<Closable> }): Promise<void> {
  const { log } = options;
  let running: Closable;
  try {
    running = await options.start();
  } catch (error) {
    log.fatal({ err: error }, 'start failed');
    process.exit(1);
  }
  closeWithGrace({ delay: SHUTDOWN_DEADLINE_MS, logger: false }, async ({ signal, err }) => {
    if (err) log.fatal({ err }, 'uncaught error, stopping');
    else log.info({ signal }, 'stopping');
    await running.close();
    log.info('stopped');
  });
}
