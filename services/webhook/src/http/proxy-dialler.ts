import { isIP, type Socket } from 'node:net';
import { Pool } from 'undici';
import { CallError } from './call-error.ts';
import type { Dialler } from './dialler.ts';
import type { Secure } from './secure.ts';

/**
 * Opens tunnels through an HTTP proxy, by CONNECT for http:// and https:// alike. The proxy resolves names, so only the
 * spelling of a host has been judged here; its own address is the operator's, and not judged.
 */
export function createProxyDialler({ proxyUrl, secure }: { proxyUrl: string; secure: Secure }): Dialler {
  const { origin, username, password } = new URL(proxyUrl);
  const pool = new Pool(origin, { allowH2: false, headersTimeout: 0 });
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
  const authorization: Record<string, string> =
    username === '' ? {} : { 'proxy-authorization': `Basic ${credentials.toString('base64')}` };

  const openTunnel = async (authority: string, signal: AbortSignal): Promise<Socket> => {
    const headers = { host: authority, ...authorization };
    const { statusCode, socket } = await pool
      .connect({ path: authority, headers, signal })
      .catch((cause: unknown) => {
        throw new CallError('the egress proxy can not be reached', { cause });
      });
    // Between two listeners of others an error would have none, and end the process.
    socket.on('error', () => undefined);
    if (statusCode < 200 || statusCode > 299) {
      socket.destroy();
      throw new CallError(`the egress proxy answered HTTP ${statusCode}`);
    }
    // Of a connection that is no TCP socket undici would know nothing.
    return socket as Socket;
  };

  return {
    async dial(target, signal) {
      signal.throwIfAborted();
      const { host, port, protocol } = target;
      const tunnel = await openTunnel(`${isIP(host) === 6 ? `[${host}]` : host}:${port}`, signal);
      signal.addEventListener('abort', () => tunnel.destroy(), { once: true });
      if (signal.aborted) tunnel.destroy();
      return protocol === 'https:' ? await secure(tunnel, target, signal) : tunnel;
    },
    close: () => pool.destroy(),
  };
}
