import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where fetched programs and compiled code are kept between runs and shared by every data directory. */
export function cacheDirectory(): string {
  const home = homedir();
  return join(home === '' || home === '/' ? tmpdir() : join(home, '.cache'), 'millrace');
}
