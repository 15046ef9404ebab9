import { once } from 'node:events';
import { join } from 'node:path';
import { type Cores, startPinned } from '../machine/pinned-process.ts';

/** A running raw node:http server. */
export interface RawHttp {
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts the raw limit on the cores of the server that it is compared with, and with the same flags of Node. */
export async function startRawHttp(options: { cores: Cores; responseBytes: number }): Promise<RawHttp> {
  const child = await startPinned({
    cores: options.cores,
    script: join(import.meta.dirname, 'http-server.ts'),
    args: [String(options.responseBytes)],
    nodeOptions: ['--max-semi-space-size=64'],
  });
  const [message] = await once(child.channel, 'message', { signal: child.ended });
  // The other end of this channel is `http-server.ts`, whose only message this is.
  const { port } = message as { port: number };
  return { pid: child.pid, port, stop: () => child.stop() };
}
