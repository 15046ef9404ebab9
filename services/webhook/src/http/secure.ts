import { isIP, type Socket } from 'node:net';
import { buildConnector } from 'undici';
import type { CallTarget } from './check-url.ts';

/** Encrypts an open connection; throws what is wrong with the certificate. */
export type Secure = (tcp: Socket, target: CallTarget, signal: AbortSignal) => Promise<Socket>;

/** Hosts whose TLS sessions are kept, which spare both sides most of a handshake. */
const MAX_SESSIONS = 1_000;

/** Makes TLS connections that trust the system's authorities, or `ca` (PEM) alone. */
export function createSecure({ ca }: { ca: string | undefined }): Secure {
  const upgrade = buildConnector({
    allowH2: false,
    maxCachedSessions: MAX_SESSIONS,
    timeout: 0,
    ...(ca === undefined ? {} : { ca }),
  });
  return (tcp, { host, port, protocol }, signal) =>
    new Promise((resolve, reject) => {
      // A connection that is destroyed under TLS says nothing there.
      const abort = () => {
        tcp.destroy();
        reject(signal.reason);
      };
      signal.addEventListener('abort', abort, { once: true });
      const named = isIP(host) === 0 ? { servername: host } : {};
      upgrade(
        { hostname: host, port: String(port), protocol, httpSocket: tcp, ...named },
        (error, socket) => {
          signal.removeEventListener('abort', abort);
          if (socket !== undefined && socket !== null) return resolve(socket);
          tcp.destroy();
          reject(error);
        },
      );
    });
}
