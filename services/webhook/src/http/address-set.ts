import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Addresses, as ranges say them. */
export interface AddressSet {
  /** An IPv4 address in IPv6 clothes (`::ffff:10.0.0.1`) is the IPv4 address; what is no address is in no set. */
  has(address: string): boolean;
}

type Range = [ipaddr.IPv4 | ipaddr.IPv6, number];

const MAPPED_BITS = 96;

/** Makes a set of addresses and CIDR ranges; throws a TypeError for one that {@link isRange} refuses. */
export function createAddressSet(texts: readonly string[]): AddressSet {
  const ranges = texts.map(parseRange);
  return {
    has(text) {
      const [withoutZone = ''] = text.split('%');
      if (isIP(withoutZone) === 0) return false;
      const address = ipaddr.process(withoutZone);
      return ranges.some(
        ([base, bits]) => base.kind() === address.kind() && address.match(base as ipaddr.IPv6, bits),
      );
    },
  };
}

/** Whether a text is an address or a CIDR range. */
export function isRange(text: string): boolean {
  const [address = '', prefix, ...more] = text.split('/');
  const version = isIP(address);
  if (version === 0 || address.includes('%') || more.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128));
}

function parseRange(text: string): Range {
  if (!isRange(text)) throw new TypeError(`${text} is no IP address or CIDR range`);
  const [address = '', prefix] = text.split('/');
  const base = ipaddr.parse(address);
  const bits = prefix === undefined ? (base.kind() === 'ipv4' ? 32 : 128) : Number(prefix);
  // Addresses are unwrapped before they are looked for, so a range of wrapped ones has to be, too.
  if (base instanceof ipaddr.IPv6 && base.isIPv4MappedAddress() && bits >= MAPPED_BITS) {
    return [base.toIPv4Address(), bits - MAPPED_BITS];
  }
  return [base, bits];
}
