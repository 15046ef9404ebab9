import { randomBytes } from 'node:crypto';
import type { Logger } from '@millrace/runtime';
import type { AuthStore } from '../store/auth-store.ts';
import { keepSetting } from '../store/shared-setting.ts';
import { createSecretHasher, type SecretHasher } from './secret-hash.ts';

/**
 * The hasher for `KEY_PEPPER`. Without one (the settings allow that in development only) a pepper is made once and
 * kept beside the hashes, where it makes all replicas agree but protects nothing.
 */
export async function openSecretHasher(options: {
  settings: AuthStore['settings'];
  pepper: string | undefined;
  log: Logger;
}): Promise<SecretHasher> {
  const { settings, log } = options;
  const pepper =
    options.pepper ??
    (await keepSetting(settings, 'development-pepper', randomBytes(32).toString('base64url')));
  const hasher = createSecretHasher(pepper);
  const kept = await keepSetting(settings, 'pepper-fingerprint', hasher.fingerprint);
  if (kept !== hasher.fingerprint) {
    log.warn(
      'the pepper is not the one that stored credentials were hashed with: keys issued before are unknown now',
    );
    const stored = await settings.read('pepper-fingerprint');
    if (stored) await settings.update('pepper-fingerprint', { value: hasher.fingerprint }, stored.revision);
  }
  return hasher;
}
