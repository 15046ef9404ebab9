import { connect, createServer, type Socket } from 'node:net';
import { createPipe, type Pipe } from './pipe.ts';

/** What happens to the bytes between a client and a server. */
export type ProxyMode =
  | { readonly kind: 'pass' }
  /** Nothing arrives anywhere until it is healed; then everything does. */
  | { readonly kind: 'freeze' }
  /** Bytes vanish in both directions; the connections that lost some are reset when it is healed. */
  | { readonly kind: 'black-hole' }
  /** The server hears everything, its answers vanish. */
  | { readonly kind: 'drop-answers' }
  /** Every chunk from the client arrives so much later. */
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** From the first chunk that matches on, a client's bytes are kept, even when it is gone, until they are released. */
  | { readonly kind: 'hold'; readonly from: (chunk: Buffer) => boolean };

/** A TCP proxy that misbehaves on demand. */
export interface TcpProxy {
  readonly port: number;
  /** Where connections go; until it is set they are refused. */
  setTarget(port: number): void;
  /** For present and future connections, but not for those that hold bytes: they wait for {@link TcpProxy.heal}. */
  setMode(mode: ProxyMode): void;
  /** Resets every connection. */
  reset(): void;
  /** What clients of held connections have sent so far. */
  heldBytes(): Buffer[];
  /** Back to `pass`; held bytes are delivered, connections that lost bytes are reset. */
  heal(): void;
  close(): Promise<void>;
}

/** Listens on a loopback port. */
export async function startTcpProxy(port: number): Promise<TcpProxy> {
  const pipes = new Set<Pipe>();
  let mode: ProxyMode = { kind: 'pass' };
  let target: number | undefined;

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client: Socket) => {
    if (target === undefined) return void client.resetAndDestroy();
    const upstream = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const pipe = createPipe({ client, upstream, mode, onEnd: () => pipes.delete(pipe) });
    pipes.add(pipe);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });

  return {
    port,
    setTarget(to) {
      target = to;
    },
    setMode(next) {
      mode = next;
      for (const pipe of pipes) pipe.setMode(next);
    },
    reset() {
      for (const pipe of [...pipes]) pipe.reset();
    },
    heldBytes: () => [...pipes].map((pipe) => pipe.heldBytes()).filter((bytes) => bytes.length > 0),
    heal() {
      mode = { kind: 'pass' };
      for (const pipe of [...pipes]) pipe.heal();
    },
    async close() {
      for (const pipe of [...pipes]) pipe.reset();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
