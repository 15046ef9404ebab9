import {
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { identifyProcess, isAlive, type ProcessIdentity, processIdentitySchema } from './process-identity.ts';

/** What a stack keeps things in, below its data directory. */
const partsOfDataDirectory = ['', 'nats', 'clickhouse', 'logs', 'run'];

/** Makes a data directory and what belongs into it; throws one line that says which can't be written to, and why. */
export function prepareDataDirectory(dataDir: string): void {
  for (const part of partsOfDataDirectory) {
    const directory = join(dataDir, part);
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      tryToWrite(directory);
    } catch (cause) {
      throw new Error(`${directory} can't be used for data: ${whyNot(directory, cause)}`, { cause });
    }
  }
}

// What `mkdir` itself reports for several directories at once is no help: ENOENT on a read-only disk, for one.
function whyNot(directory: string, cause: unknown): string {
  const at = nearestExisting(directory);
  const code = problemWith(at) ?? codeOf(cause);
  switch (code) {
    case 'ENOTDIR':
      return `${at} is not a directory`;
    case 'ENOENT':
      return `${at} links to what is not there`;
    case 'EROFS':
      return `${at} is on a read-only disk`;
    case 'EACCES':
    case 'EPERM':
      return `the user ${process.getuid?.() ?? ''} may not write to ${at}`;
    case 'ENOSPC':
    case 'EDQUOT':
      return `the disk of ${at} is full`;
    case 'ENAMETOOLONG':
      return 'the path is too long';
    default:
      return cause instanceof Error ? cause.message : String(cause);
  }
}

function nearestExisting(path: string): string {
  for (let at = path; ; at = dirname(at)) {
    try {
      lstatSync(at);
      return at;
    } catch {
      // It isn't there, or can't be looked at: the one above it will tell.
      if (at === dirname(at)) return at;
    }
  }
}

/** The code of the error that comes of writing into a directory; undefined when there is none. */
function problemWith(directory: string): string | undefined {
  try {
    if (!statSync(directory).isDirectory()) return 'ENOTDIR';
    tryToWrite(directory);
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
}

function tryToWrite(directory: string): void {
  const file = join(directory, `.writable.${process.pid}`);
  try {
    // Not an empty one: that needs no room.
    writeFileSync(file, file, { mode: 0o600 });
  } finally {
    rmSync(file, { force: true });
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

/** A data directory held by this process. */
export interface DataLock {
  release(): void;
}

/** Takes a data directory for this process; throws one line when another live process holds it. */
export function lockDataDirectory(dataDir: string): DataLock {
  prepareDataDirectory(dataDir);
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
