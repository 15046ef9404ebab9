import type { LookupAddress } from 'node:dns';
import { once } from 'node:events';
import { isIP, Socket } from 'node:net';
import type { AddressPolicy } from './address-policy.ts';
import { CallError, NOT_ALLOWED } from './call-error.ts';
import type { CallTarget } from './check-url.ts';
import type { Resolve } from './resolver.ts';
import type { Secure } from './secure.ts';

/** Opens connections to strangers. */
export interface Dialler {
  /**
   * Resolves to a connection over which nothing has been said; throws a CallError, or what the socket failed with. The
   * signal ends a try and a connection alike. `onTried` is told each address that is dialled: `198.51.100.7:443`.
   */
  dial(target: CallTarget, signal: AbortSignal, onTried: (address: string) => void): Promise<Socket>;
  close(): Promise<void>;
}

/** Addresses of one name that are tried. */
const MAX_TRIED = 4;
/** How long one of them may take before the next is tried; the last has as long as there is. */
const NEXT_ADDRESS_AFTER_MS = 1_000;

/**
 * Dials what the policy allows. A name is resolved once, and only addresses that were judged are dialled; one bad
 * address spoils all of them. Who answers is judged again before a byte is sent.
 */
export function createDialler({
  policy,
  resolve,
  secure,
}: {
  policy: AddressPolicy;
  resolve: Resolve;
  secure: Secure;
}): Dialler {
  const addressesOf = async (host: string): Promise<readonly LookupAddress[]> => {
    const family = isIP(host);
    if (family !== 0) return [{ address: host, family }];
    try {
      return await resolve(host);
    } catch (cause) {
      throw new CallError('the name can not be resolved', { cause });
    }
  };

  return {
    async dial(target, signal, onTried) {
      const { host, port } = target;
      const addresses = await addressesOf(host);
      signal.throwIfAborted();
      if (!addresses.every(({ address }) => policy.allowsAddress(address, host))) {
        throw new CallError(NOT_ALLOWED);
      }
      const tcp = new Socket({ signal, noDelay: true, keepAlive: true });
      // Between two listeners of others an error would have none, and end the process.
      tcp.on('error', () => undefined);
      tcp.on('connectionAttempt', (address: string) => {
        onTried(`${isIP(address) === 6 ? `[${address}]` : address}:${port}`);
      });
      tcp.connect({
        host,
        port,
        autoSelectFamily: true,
        autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_AFTER_MS,
        lookup: (_host, _options, answer) => answer(null, addresses.slice(0, MAX_TRIED)),
      });
      await once(tcp, 'connect');
      const { remoteAddress } = tcp;
      if (remoteAddress === undefined || !policy.allowsAddress(remoteAddress, host)) {
        tcp.destroy();
        throw new CallError(NOT_ALLOWED);
      }
      return target.protocol === 'https:' ? await secure(tcp, target, signal) : tcp;
    },
    close: async () => undefined,
  };
}
