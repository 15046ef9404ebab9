import { isIPv6 } from 'node:net';

/** Leading groups of an IPv6 address that one customer has for themselves: a /64. */
const NETWORK_GROUPS = 4;
const ALL_GROUPS = 8;

/** What counts as one client: an IPv4 address, or the /64 of an IPv6 address, which a client can vary at will. */
export function addressBlock(address: string): string {
  if (!isIPv6(address)) return address;
  const [withoutZone = ''] = address.split('%');
  // The URL parser writes an address one way only: lower case, no leading zeros, no dotted part.
  const canonical = new URL(`http://[${withoutZone}]`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: ALL_GROUPS - left.length - right.length }, () => '0');
  return `${[...left, ...zeros, ...right].slice(0, NETWORK_GROUPS).join(':')}::/64`;
}
