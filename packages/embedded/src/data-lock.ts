import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { identifyProcess, isAlive, type ProcessIdentity, processIdentitySchema } from './process-identity.ts';

/** A data directory held by this process. */
export interface DataLock {
  release(): void;
}

/** Takes a data directory for this process; throws one line when another live process holds it. */
export function lockDataDirectory(dataDir: string): DataLock {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const self = identifyProcess(process.pid);
  if (self === undefined) throw new Error('the start time of this process cannot be read');
  const file = lockFile(dataDir);
  const temporary = `${file}.${process.pid}`;
  for (let attempt = 0; attempt < 20; attempt += 1) {
    writeFileSync(temporary, JSON.stringify(self), { mode: 0o600 });
    try {
      // A link either makes the whole lock, content included, or fails because there is one.
      linkSync(temporary, file);
      return { release: () => releaseLock(dataDir, self) };
    } catch {
      const holder = lockHolder(dataDir);
      if (holder !== undefined) {
        throw new Error(
          `${dataDir} is in use by process ${holder.pid}; stop it with: scripts/down --data ${dataDir}`,
        );
      }
      removeStaleLock(file);
    } finally {
      rmSync(temporary, { force: true });
    }
  }
  throw new Error(`${file} cannot be taken`);
}

/** Returns the live process that holds a data directory. */
export function lockHolder(dataDir: string): ProcessIdentity | undefined {
  const holder = readLock(lockFile(dataDir));
  return holder !== undefined && isAlive(holder) ? holder : undefined;
}

/** Removes a stack's lock, if it is still that process's. */
export function releaseLock(dataDir: string, owner: ProcessIdentity): void {
  const file = lockFile(dataDir);
  if (readLock(file)?.startedAt === owner.startedAt) rmSync(file, { force: true });
}

function lockFile(dataDir: string): string {
  return join(dataDir, 'lock');
}

function readLock(file: string): ProcessIdentity | undefined {
  try {
    return processIdentitySchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

function removeStaleLock(file: string): void {
  const aside = `${file}.stale.${process.pid}`;
  try {
    renameSync(file, aside);
    // Another start may have replaced the stale lock by its own since we looked; then it gets that back.
    const moved = readLock(aside);
    if (moved !== undefined && isAlive(moved)) linkSync(aside, file);
  } catch {
    // Someone else removed it first.
  } finally {
    rmSync(aside, { force: true });
  }
}
