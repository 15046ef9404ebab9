import { randomInt } from 'node:crypto'
import { closeSync, mkdirSync, openSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'

// Below Linux's range of ephemeral ports: there, while a server restarts, a client that retries may be given the
// server's own port as its source and end up connected to itself.
const lowestPort = 20_000
const highestPort = 32_000
const reservationMs = 60_000

/** Picks a loopback port nobody listens on and that no other start on this machine picks within a minute. */
export async function pickFreePort(): Promise<number> {
  const directory = join(tmpdir(), `millrace-ports-${userInfo().uid}`)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const port = randomInt(lowestPort, highestPort)
    if (reserve(join(directory, String(port))) && (await isPortFree(port))) return port
  }
  throw new Error(`no free port found between ${lowestPort} and ${highestPort}`)
}

/** Tells whether a loopback port can be listened on. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}

function reserve(file: string): boolean {
  try {
    if (Date.now() - statSync(file).mtimeMs < reservationMs) return false
    rmSync(file, { force: true })
  } catch {
    // Not reserved by anyone.
  }
  try {
    closeSync(openSync(file, 'wx'))
    return true
  } catch {
    return false
  }
}
