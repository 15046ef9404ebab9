import { isIP } from 'node:net';
import { createAddressSet, isRange } from './address-set.ts';

/** Which hosts may be called. */
export interface AddressPolicy {
  /** Whether only `https://` may be called. */
  readonly requiresHttps: boolean;
  /** Of a name or a literal address without brackets, as far as it can be told before a name is resolved. */
  allowsHost(host: string): boolean;
  /** Whether a host that has come out as `address` may be dialled there. */
  allowsAddress(address: string, host: string): boolean;
}

/** Networks of somebody's own; a cluster's are among them. */
const PRIVATE_RANGES = [
  ...['10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'],
  ...['::1', 'fc00::/7'],
];

/** What no host on the internet has: reserved, for documentation, multicast, or link-local, where clouds keep credentials. */
const NEVER_PUBLIC_RANGES = [
  ...['0.0.0.0/8', '169.254.0.0/16', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '198.18.0.0/15'],
  ...['198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'],
  // Of IPv6 only 2000::/3 is given out to hosts. Outside it are, too, ::a.b.c.d and 64:ff9b::/96, behind which is any IPv4 address.
  ...['::/3', '4000::/2', '8000::/1'],
  ...['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'],
];

/** Zones that only somebody's own resolver answers for. */
const PRIVATE_ZONES = ['localhost', 'svc', 'cluster.local', 'local', 'internal', 'home.arpa'];

/**
 * Makes the policy of an installation. `allowedHosts` are names, `*.suffix` for all below one, addresses and CIDR
 * ranges; they win over everything that is denied, and an allowed name may come out as any address.
 */
export function createAddressPolicy(options: {
  /** Lets private ranges and names through; of what is never public only what `allowedHosts` says. */
  allowPrivate: boolean;
  allowedHosts: readonly string[];
  /** The cluster's own, denied beside the others. */
  deniedRanges: readonly string[];
  requireHttps: boolean;
}): AddressPolicy {
  const { allowPrivate, allowedHosts } = options;
  const denied = createAddressSet(options.deniedRanges);
  const ownNetworks = createAddressSet(PRIVATE_RANGES);
  const neverPublic = createAddressSet(NEVER_PUBLIC_RANGES);
  const allowed = createAddressSet(allowedHosts.filter(isRange));
  const isAllowedName = createNameMatcher(allowedHosts.filter((host) => !isRange(host)));

  const allowsAddress = (address: string, host: string): boolean => {
    if (isIP(address) === 0) return false;
    if (allowed.has(address) || isAllowedName(host)) return true;
    if (denied.has(address)) return false;
    // Asked before the wider ranges: ::1 lies in one of them.
    if (ownNetworks.has(address)) return allowPrivate;
    return !neverPublic.has(address);
  };

  return {
    requiresHttps: options.requireHttps,
    allowsAddress,
    allowsHost: (host) =>
      isIP(host) === 0
        ? allowPrivate || isAllowedName(host) || !isPrivateName(host)
        : allowsAddress(host, host),
  };
}

/** Whether a text can stand in `allowedHosts`. */
export function isHostPattern(text: string): boolean {
  return isRange(text) || /^(\*\.)?[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/i.test(text);
}

function createNameMatcher(patterns: readonly string[]): (host: string) => boolean {
  const lowered = patterns.map((pattern) => pattern.toLowerCase());
  const exact = new Set(lowered);
  const suffixes = lowered.filter((pattern) => pattern.startsWith('*.')).map((pattern) => pattern.slice(1));
  return (host) => {
    const name = canonicalName(host);
    return exact.has(name) || suffixes.some((suffix) => name.endsWith(suffix));
  };
}

function isPrivateName(host: string): boolean {
  const name = canonicalName(host);
  return !name.includes('.') || PRIVATE_ZONES.some((zone) => name.endsWith(`.${zone}`));
}

/** The dot at the end of a name says only that it is whole. */
function canonicalName(host: string): string {
  return host.toLowerCase().replace(/\.+$/, '');
}
