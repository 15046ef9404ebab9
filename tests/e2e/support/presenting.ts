import { httpCall } from '@millrace/testkit';

const CONNECTIONS = 16;
const PAUSE_MS = 2;

/** A credential that is presented all the time; times are of `performance.now()`, when each request began. */
export interface Presenting {
  accepted(): readonly number[];
  refused(): readonly number[];
  /** Answers that are neither, in words. */
  others(): readonly string[];
  stop(): Promise<void>;
}

/** Sends events with a bearer token over several connections until it is stopped. */
export function startPresenting(url: string, secret: string): Presenting {
  const accepted: number[] = [];
  const refused: number[] = [];
  const others: string[] = [];
  let isStopping = false;
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${secret}` };
  const body = JSON.stringify({ name: 'presented', payload: {} });
  const run = async () => {
    while (!isStopping) {
      const atMs = performance.now();
      const { status, text } = await httpCall(`${url}/api/v1/events`, { headers, body });
      if (status === 202) accepted.push(atMs);
      else if (status === 401) refused.push(atMs);
      else others.push(`${status} ${text}`);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  };
  const running = Promise.all(Array.from({ length: CONNECTIONS }, run));
  return {
    accepted: () => accepted,
    refused: () => refused,
    others: () => others,
    async stop() {
      isStopping = true;
      await running;
    },
  };
}
