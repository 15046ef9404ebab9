import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { CertificateFiles } from '@millrace/testkit';

/** A server of raw bytes that behaves as it is told. */
export interface Receiver {
  readonly port: number;
  /** `http://127.0.0.1:port/hook`, or `https://localhost:port/hook`. */
  readonly url: string;
  /** Connections that were ever accepted. */
  readonly accepted: number;
  /** Those that are open. */
  readonly open: number;
  /** Head and body of each request that came whole. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

/** What a receiver does with a request; `nth` counts those of the connection from 1. */
export type Behaviour = (socket: Socket, nth: number) => void;

/** Answers 200 and keeps the connection. */
export const answerOk: Behaviour = (socket) => socket.write(answer('ok'));

/** The bytes of an answer with a body. */
export function answer(body: string, { status = '200 OK', headers = '' } = {}): string {
  return `HTTP/1.1 ${status}\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** Starts one that behaves so for each request, or, given `onConnect`, for each connection before a byte has come. */
export async function startReceiver(
  behave: Behaviour = answerOk,
  options: {
    host?: string;
    port?: number;
    tls?: CertificateFiles;
    onConnect?: (socket: Socket) => void;
  } = {},
): Promise<Receiver> {
  const { host = '127.0.0.1', port = 0, tls } = options;
  const sockets = new Set<Socket>();
  const requests: string[] = [];
  let accepted = 0;
  const serve = (socket: Socket): void => {
    options.onConnect?.(socket);
    let received = '';
    let nth = 0;
    // Resets are part of what is tested.
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      for (
        let length = lengthOfRequest(received);
        length <= received.length;
        length = lengthOfRequest(received)
      ) {
        requests.push(received.slice(0, length));
        received = received.slice(length);
        nth += 1;
        behave(socket, nth);
      }
    });
  };
  const server: Server =
    tls === undefined
      ? createServer(serve)
      : createTlsServer({ cert: readFileSync(tls.cert), key: readFileSync(tls.key) }, serve);
  server.on('connection', (socket: Socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address() as AddressInfo;
  return {
    port: address.port,
    url: `${tls === undefined ? `http://${host}` : 'https://localhost'}:${address.port}/hook`,
    requests,
    get accepted() {
      return accepted;
    },
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

/** Infinite while the head is not whole. */
function lengthOfRequest(received: string): number {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd < 0) return Number.POSITIVE_INFINITY;
  const length = /content-length: (\d+)/i.exec(received.slice(0, headEnd))?.[1] ?? '0';
  return headEnd + 4 + Number(length);
}
