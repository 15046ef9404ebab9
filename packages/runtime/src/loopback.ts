import { BlockList, isIP } from 'node:net';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether a host, a name or an address with or without brackets, is this machine and nothing else. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  switch (isIP(bare)) {
    case 4:
      return loopback.check(bare, 'ipv4');
    case 6:
      // An IPv4 address in IPv6 clothes is found by the rule for IPv4.
      return loopback.check(bare, 'ipv6');
    default:
      return bare === 'localhost' || bare.endsWith('.localhost');
  }
}

/** The host of a URL or of `host:port`; undefined when it is neither. */
export function hostOf(address: string): string | undefined {
  const text = address.includes('://') ? address : `any://${address}`;
  return URL.canParse(text) ? new URL(text).hostname || undefined : undefined;
}
