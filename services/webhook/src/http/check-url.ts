import type { AddressPolicy } from './address-policy.ts';

/** What is to be called, taken apart once. */
export interface CallTarget {
  /** The URL as it is stored and called: one spelling for each. */
  readonly url: string;
  readonly protocol: 'http:' | 'https:';
  /** A name in lower case without a dot at its end, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  /** `https://example.com:8443`. */
  readonly origin: string;
  /** Path and query. */
  readonly path: string;
}

/** What may be called, or the reason why not, for people: `must begin with https://`. */
export type UrlVerdict =
  | { readonly kind: 'allowed'; readonly target: CallTarget }
  | { readonly kind: 'refused'; readonly reason: string };

const MAX_URL_CHARS = 2_048;
const MAX_NAME_CHARS = 253;
const NAME = /^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/;

/**
 * Judges the text of a URL in whatever spelling, without resolving its name: that is done, and judged again, each time
 * a connection is made. The reason tells nothing of the network that we are in.
 */
export function checkUrl(text: string, policy: AddressPolicy): UrlVerdict {
  if (text.length > MAX_URL_CHARS) return refused('must have at most 2,048 characters');
  const scheme = policy.requiresHttps ? 'https://' : 'https:// or http://';
  if (!(policy.requiresHttps ? /^https:\/\//i : /^https?:\/\//i).test(text)) {
    return refused(`must begin with ${scheme}`);
  }
  // The parser would drop the first, and take the second for slashes: other readers of the URL see another host.
  if (hasControlsOrBlanks(text)) return refused('must not have blanks or control characters');
  if (text.includes('\\')) return refused('must not have backslashes');
  if (text.includes('#')) return refused('must not have a fragment');
  if (!URL.canParse(text)) return refused('must be a URL');
  const url = new URL(text);
  if (url.username !== '' || url.password !== '' || authorityOf(text).includes('@')) {
    return refused('must not have a user or password');
  }
  if (url.port === '0') return refused('must have a port from 1 to 65535');
  url.hostname = url.hostname.replace(/\.$/, '');
  const { hostname } = url;
  const protocol = url.protocol === 'https:' ? 'https:' : 'http:';
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  const isName = !hostname.startsWith('[');
  if (isName && (!NAME.test(host) || host.length > MAX_NAME_CHARS))
    return refused('must have a valid host name');
  if (!policy.allowsHost(host)) return refused('must have a host that may be called from here');
  // The parser percent-encodes: what was short may have become three times as long.
  if (url.href.length > MAX_URL_CHARS) return refused('must have at most 2,048 characters, percent-encoded');
  const port = url.port === '' ? (protocol === 'https:' ? 443 : 80) : Number(url.port);
  const path = `${url.pathname}${url.search}`;
  return { kind: 'allowed', target: { url: url.href, protocol, host, port, origin: url.origin, path } };
}

function refused(reason: string): UrlVerdict {
  return { kind: 'refused', reason };
}

function authorityOf(text: string): string {
  return text.split(/[/?]/)[2] ?? '';
}

function hasControlsOrBlanks(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code <= 0x20 || code === 0x7f) return true;
  }
  return false;
}
