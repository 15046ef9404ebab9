import { httpCall } from '@millrace/testkit';

const CONNECTIONS = 16;
const PAUSE_MS = 2;

/** A credential that is presented all the time. */
export interface Presenting {
  accepted(): number;
  refused(): number;
  /** How many were accepted although they began when another had been refused: once refused is refused for good. */
  acceptedAgain(): number;
  /** When the last that was accepted began, by `performance.now()`. */
  lastAcceptedAtMs(): number;
  /** Answers that are neither, in words. */
  others(): readonly string[];
  stop(): Promise<void>;
}

/** Sends events with a bearer token over several connections until it is stopped. */
export function startPresenting(url: string, secret: string): Presenting {
  let accepted = 0;
  let refused = 0;
  let acceptedAgain = 0;
  let lastAcceptedAtMs = 0;
  const others: string[] = [];
  let isStopping = false;
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${secret}` };
  const body = JSON.stringify({ name: 'presented', payload: {} });
  const run = async () => {
    while (!isStopping) {
      const atMs = performance.now();
      const refusedBefore = refused > 0;
      const { status, text } = await httpCall(`${url}/api/v1/events`, { headers, body });
      if (status === 202) {
        accepted += 1;
        if (refusedBefore) acceptedAgain += 1;
        lastAcceptedAtMs = Math.max(lastAcceptedAtMs, atMs);
      } else if (status === 401) refused += 1;
      else others.push(`${status} ${text}`);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  };
  const running = Promise.all(Array.from({ length: CONNECTIONS }, run));
  return {
    accepted: () => accepted,
    refused: () => refused,
    acceptedAgain: () => acceptedAgain,
    lastAcceptedAtMs: () => lastAcceptedAtMs,
    others: () => others,
    async stop() {
      isStopping = true;
      await running;
    },
  };
}
