import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProxyMode } from './tcp-proxy.ts';

/** One connection through a proxy. */
export interface Pipe {
  setMode(mode: ProxyMode): void;
  heldBytes(): Buffer;
  heal(): void;
  reset(): void;
}

/** Joins two sockets under a mode. Both must allow half-open connections. */
export function createPipe(options: {
  client: Socket;
  upstream: Socket;
  mode: ProxyMode;
  onEnd: () => void;
}): Pipe {
  const { client, upstream } = options;
  let mode = options.mode;
  let hasLostBytes = false;
  let held: Buffer[] = [];
  let clientHasEnded = false;
  let isOver = false;
  // Chunks that are under way leave in order, whatever the delay is by then.
  let toServer: Promise<void> = Promise.resolve();
  let waiting = 0;

  const finish = (end: (socket: Socket) => void): void => {
    if (isOver) return;
    isOver = true;
    end(client);
    end(upstream);
    options.onEnd();
  };

  const forward = (chunk: Buffer): void => {
    if (held.length > 0 || (mode.kind === 'hold' && mode.from(chunk))) held.push(chunk);
    else if (mode.kind === 'black-hole') hasLostBytes = true;
    else if (mode.kind === 'slow') later(mode.delayMs, () => upstream.write(chunk));
    else later(0, () => upstream.write(chunk));
  };
  const later = (delayMs: number, send: () => void): void => {
    if (delayMs === 0 && waiting === 0) {
      send();
      return;
    }
    waiting++;
    const due = sleep(delayMs);
    toServer = toServer
      .then(() => due)
      .then(() => {
        waiting--;
        if (!isOver) send();
      });
  };

  const answer = (chunk: Buffer): void => {
    if (mode.kind === 'black-hole' || mode.kind === 'drop-answers') hasLostBytes = true;
    else client.write(chunk);
  };

  const applyFreeze = (): void => {
    for (const socket of [client, upstream]) {
      if (mode.kind === 'freeze') socket.pause();
      else socket.resume();
    }
  };

  const endOfClient = (): void => {
    clientHasEnded = true;
    if (held.length === 0) later(0, () => upstream.end());
  };

  client.on('data', forward);
  upstream.on('data', answer);
  client.on('end', endOfClient);
  upstream.on('end', () => client.end());
  // A client that was killed resets its connection; what it sent before is still under way somewhere.
  client.on('error', () => (held.length > 0 ? endOfClient() : finish(reset)));
  upstream.on('error', () => finish(reset));
  client.on('close', () => {
    if (held.length === 0) finish(destroy);
  });
  upstream.on('close', () => finish(destroy));
  applyFreeze();

  const release = (): void => {
    const chunks = held;
    held = [];
    for (const chunk of chunks) upstream.write(chunk);
    // The answer is left to come: its reader may be gone, but the server works on.
    if (clientHasEnded && !upstream.writableEnded) upstream.setTimeout(5_000, () => finish(destroy));
  };

  return {
    setMode(next) {
      if (held.length > 0) return;
      mode = next;
      applyFreeze();
    },
    heldBytes: () => Buffer.concat(held),
    heal() {
      mode = { kind: 'pass' };
      if (hasLostBytes) return finish(reset);
      applyFreeze();
      if (held.length > 0) release();
    },
    reset: () => finish(reset),
  };
}

function destroy(socket: Socket): void {
  socket.destroy();
}

/** One that is being ended can't be reset any more: Node would keep its handle, and spin at its exit for ever. */
function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
