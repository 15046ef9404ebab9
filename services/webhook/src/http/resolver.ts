import type { LookupAddress } from 'node:dns';
import { Resolver } from 'node:dns/promises';

/** The addresses of a name, at least one, IPv4 before IPv6; throws when there are none. */
export type Resolve = (name: string) => Promise<readonly LookupAddress[]>;

const QUERY_TIMEOUT_MS = 3_000;
const QUERY_TRIES = 2;

/**
 * Asks DNS servers, by default the system's. Not `dns.lookup`, which occupies one of four threads for as long as a
 * name hangs, and completes names with the search domains of our network: `/etc/hosts` counts for nothing here.
 */
export function createResolver(options: { servers?: readonly string[] } = {}): Resolve {
  const resolver = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: QUERY_TRIES });
  if (options.servers !== undefined) resolver.setServers(options.servers);
  return async (name) => {
    if (name === 'localhost' || name.endsWith('.localhost')) return LOOPBACK;
    const [v4, v6] = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
    const addresses = [
      ...(v4.status === 'fulfilled' ? v4.value.map((address) => ({ address, family: 4 })) : []),
      ...(v6.status === 'fulfilled' ? v6.value.map((address) => ({ address, family: 6 })) : []),
    ];
    // A name may well have addresses of one family only.
    if (addresses.length === 0)
      throw v4.status === 'rejected' ? v4.reason : new Error(`${name} has no address`);
    return addresses;
  };
}

/** RFC 6761: no server is asked for these. */
const LOOPBACK: readonly LookupAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];
