import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import proxyAddr from 'proxy-addr';
import type { Exchange } from './exchange.ts';

/** The address a request comes from, as the connection or a trusted proxy tells it; empty once the client has left. */
export type ClientAddress = (request: Exchange['request']) => string;

const NAMED_RANGES: readonly string[] = ['loopback', 'linklocal', 'uniquelocal'];
const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * Reads `X-Forwarded-For` from the right for as long as the hop that wrote an entry is one of `trustedProxies`:
 * addresses, CIDR ranges, or the names of `isProxyRange`. Whatever a client puts there itself is never believed.
 */
export function createClientAddress(trustedProxies: readonly string[]): ClientAddress {
  if (trustedProxies.length === 0) return (request) => plain(request.socket.remoteAddress ?? '');
  const isTrusted = proxyAddr.compile([...trustedProxies]);
  return (request) => {
    const ownAddress = request.socket.remoteAddress;
    if (ownAddress === undefined) return '';
    // Only the headers and the socket are read, which HTTP/2 requests have too.
    const hops = proxyAddr.all(request as IncomingMessage, isTrusted);
    // A trusted proxy that names no address leaves the nearest hop that is one.
    return plain(hops.findLast((hop) => isIP(hop) !== 0) ?? ownAddress);
  };
}

/** Whether a text is an IP address, a CIDR range, or one of `loopback`, `linklocal` and `uniquelocal`. */
export function isProxyRange(text: string): boolean {
  if (NAMED_RANGES.includes(text)) return true;
  const [address = '', prefix, ...more] = text.split('/');
  const version = isIP(address);
  if (version === 0 || more.length > 0) return false;
  if (prefix === undefined) return true;
  const bits = Number(prefix);
  return /^\d{1,3}$/.test(prefix) && bits >= 1 && bits <= (version === 4 ? 32 : 128);
}

/** A server that listens on IPv6 sees IPv4 clients under mapped addresses. */
function plain(address: string): string {
  return MAPPED_IPV4.exec(address)?.[1] ?? address;
}
