import { randomInt } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { identifyProcess, isAlive, processIdentitySchema } from './process-identity.ts';

// Below Linux's range of ephemeral ports: there, while a server restarts, a client that retries may be given the
// server's own port as its source and end up connected to itself.
const lowestPort = 20_000;
const highestPort = 32_000;
const reservationMs = 60_000;

/** Picks a loopback port nobody listens on and that no other start on this machine picks within a minute. */
export async function pickFreePort(): Promise<number> {
  const directory = reservationDirectory();
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const port = randomInt(lowestPort, highestPort);
    if (reserve(join(directory, String(port))) && (await isPortFree(port))) return port;
  }
  throw new Error(`no free port found between ${lowestPort} and ${highestPort}`);
}

/** Tells whether a loopback port can be listened on. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** Returns that port when it is free and not promised to another start, and any free one otherwise. */
export async function preferPort(port: number): Promise<number> {
  const isOurs = reserve(join(reservationDirectory(), String(port))) && (await isPortFree(port));
  return isOurs ? port : pickFreePort();
}

// Between the choice of a port and the moment a server listens on it others would find it free as well, so a choice
// is noted in a file. It counts for a minute at most, and only while the process that made it lives.
function reserve(file: string): boolean {
  if (isReserved(file)) return false;
  rmSync(file, { force: true });
  try {
    writeFileSync(file, JSON.stringify(identifyProcess(process.pid)), { flag: 'wx' });
    return true;
  } catch {
    // A concurrent start took it this very moment.
    return false;
  }
}

function isReserved(file: string): boolean {
  try {
    if (Date.now() - statSync(file).mtimeMs > reservationMs) return false;
    const owner = processIdentitySchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
    return owner.success && isAlive(owner.data);
  } catch (error) {
    // A file without content is being written; one that does not exist reserves nothing.
    return error instanceof SyntaxError;
  }
}

function reservationDirectory(): string {
  const directory = join(tmpdir(), `millrace-ports-${userInfo().uid}`);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return directory;
}
