import { MillraceError } from '@millrace/runtime';
import type { AuthStore } from './auth-store.ts';

/** Keeps `proposed` under a name, unless a replica was first: then what that one kept. */
export async function keepSetting(
  settings: AuthStore['settings'],
  name: string,
  proposed: string,
): Promise<string> {
  const known = settings.get(name);
  if (known !== undefined) return known.value.value;
  const outcome = await settings.create(name, { value: proposed });
  if (outcome.kind === 'written') return proposed;
  const kept = await settings.read(name);
  if (kept === undefined)
    throw new MillraceError('aborted', 'a shared setting was removed while it was made');
  return kept.value.value;
}
