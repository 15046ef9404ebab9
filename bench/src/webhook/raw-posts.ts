import { once } from 'node:events';
import { join } from 'node:path';
import { type Cores, startPinned } from '../machine/pinned-process.ts';

/** What is to be posted, how many at once, and for how long. */
export interface RawPostsCommand {
  readonly url: string;
  /** Name, value, name, value …, without those of the connection. */
  readonly headers: readonly string[];
  /** As latin1. */
  readonly body: string;
  readonly inFlight: number;
  readonly forMs: number;
}

/** What came of it. */
export interface RawPostsReport {
  readonly posted: number;
  readonly seconds: number;
  /** Of the process that posts. */
  readonly cpuSeconds: number;
}

/** Posts with undici alone, in a process of its own. */
export interface RawPosts {
  post(command: RawPostsCommand): Promise<RawPostsReport>;
  stop(): Promise<void>;
}

/** What a connection adds to a call by itself. */
const OWN_HEADERS = new Set(['host', 'connection', 'content-length']);

/** Starts it on the cores of the dispatcher that it is compared with, and with the same flags of Node. */
export async function startRawPosts(cores: Cores): Promise<RawPosts> {
  const child = await startPinned({
    cores,
    script: join(import.meta.dirname, 'raw-posts-child.ts'),
    nodeOptions: ['--max-semi-space-size=64'],
  });
  return {
    async post(command) {
      const answered = once(child.channel, 'message', { signal: child.ended });
      child.channel.send(command);
      const [report] = await answered;
      // The other end of this channel is `raw-posts-child.ts`, whose only message this is.
      return report as RawPostsReport;
    },
    stop: () => child.stop(),
  };
}

/** Takes a call that came over the wire apart, to be posted again. */
export function readCall(text: string): Pick<RawPostsCommand, 'headers' | 'body'> {
  const headEnd = text.indexOf('\r\n\r\n');
  const [, ...lines] = text.slice(0, headEnd).split('\r\n');
  const headers = lines.flatMap((line) => {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon);
    return OWN_HEADERS.has(name.toLowerCase()) ? [] : [name, line.slice(colon + 1).trim()];
  });
  return { headers, body: text.slice(headEnd + 4) };
}
