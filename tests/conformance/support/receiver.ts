import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { eventually } from '@millrace/testkit';

/** A call that came. */
export interface ReceivedCall {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Names as they were spelled. */
  readonly headerNames: readonly string[];
  readonly body: string;
}

/** Somebody who is called: an HTTP server on loopback. */
export interface Receiver {
  readonly url: string;
  readonly calls: readonly ReceivedCall[];
  /** What the next calls to a path are answered, the last of them for good; 200 without. */
  answer(path: string, ...answers: readonly { status: number; body?: string }[]): void;
  /** The calls to a path, once there are so many. */
  until(path: string, count: number): Promise<readonly ReceivedCall[]>;
  close(): Promise<void>;
}

/** Starts one on a free port. */
export async function startReceiver(): Promise<Receiver> {
  const calls: ReceivedCall[] = [];
  const answers = new Map<string, { status: number; body?: string }[]>();
  const server = createServer(async (request, response) => {
    const { method = '', url: path = '', headers, rawHeaders } = request;
    const headerNames = rawHeaders.filter((_, i) => i % 2 === 0);
    calls.push({ method, path, headers, headerNames, body: await text(request) });
    const waiting = answers.get(path) ?? [];
    const answer = (waiting.length > 1 ? waiting.shift() : waiting[0]) ?? { status: 200 };
    response.writeHead(answer.status).end(answer.body ?? '');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // What listens on an address has one.
  const { port } = server.address() as AddressInfo;
  const to = (path: string) => calls.filter((call) => call.path === path);
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    answer: (path, ...given) => answers.set(path, [...given]),
    async until(path, count) {
      await eventually(() => {
        if (to(path).length < count) throw new Error(`${to(path).length} of ${count} calls came to ${path}`);
      });
      return to(path);
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
