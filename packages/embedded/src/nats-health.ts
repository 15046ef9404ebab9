import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ManagedProcess } from './child-process.ts';

const INTERVAL_MS = 2_000;
const TIMEOUT_MS = 1_000;
/** Answers in a row; a server that is only busy or stopped doesn't answer at all and is left alone. */
const UNHEALTHY_ANSWERS = 5;

/**
 * Ends a server that says itself that it can't go on, so that its supervisor starts it anew: after a write error, a
 * full disk for one, JetStream stays in that state until a restart, even when there is room again.
 */
export async function endWhenUnhealthy(options: {
  child: ManagedProcess;
  /** The server's `/healthz`. */
  url: string;
  log: (line: string) => void;
}): Promise<void> {
  const { child, log } = options;
  let running = true;
  const ended = child.exited.then(() => {
    running = false;
  });
  let unhealthy = 0;
  while (running) {
    await Promise.race([ended, sleep(INTERVAL_MS, undefined, { ref: false })]);
    if (!running) return;
    unhealthy = (await saysUnhealthy(options.url)) ? unhealthy + 1 : 0;
    if (unhealthy < UNHEALTHY_ANSWERS) continue;
    log(`${child.name} reports that it is unhealthy, restarting it`);
    await child.stop();
  }
}

/** No answer is no statement; whether the process lives is the supervisor's to see. */
function saysUnhealthy(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    // Not fetch, which would load its whole stack into a process that asks for one status.
    const call = request(url, { agent: false, signal: AbortSignal.timeout(TIMEOUT_MS) }, (response) => {
      response.resume();
      resolve(response.statusCode === 503);
    });
    call.on('error', () => resolve(false));
    call.end();
  });
}
