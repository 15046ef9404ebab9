import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

/** An HTTP proxy that makes tunnels, whatever they are for, to a port of 127.0.0.1. */
export interface EgressProxy {
  readonly port: number;
  /** `example.com:443 Basic …` of each CONNECT. */
  readonly tunnels: readonly string[];
  /** Connections that are open on the callers' side. */
  readonly open: number;
  close(): Promise<void>;
}

/** Starts one; `refuse` says what a CONNECT is answered instead of 200, or that it gets no answer at all. */
export async function startEgressProxy(
  towards: number,
  refuse: (authority: string) => number | 'silent' | undefined = () => undefined,
): Promise<EgressProxy> {
  const tunnels: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('connect', (request, client: Socket) => {
    const authority = request.url ?? '';
    tunnels.push(`${authority} ${request.headers['proxy-authorization'] ?? ''}`.trim());
    client.on('error', () => undefined);
    const refusal = refuse(authority);
    if (refusal === 'silent') {
      // Half open as it is, and unread, it would outlive the caller.
      client.resume().on('end', () => client.end());
      return;
    }
    if (refusal !== undefined) {
      client.end(`HTTP/1.1 ${refusal} No\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    const target = connect(towards, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      client.pipe(target).pipe(client);
    });
    target.on('error', () => client.destroy());
    client.on('close', () => target.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    tunnels,
    get open() {
      return sockets.size;
    },
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
