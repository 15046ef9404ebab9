import { Client } from 'undici';
import type { Call } from './call.ts';
import type { CallTarget } from './check-url.ts';
import type { Dialler } from './dialler.ts';

/** How long a connection may be at rest. A receiver that says less (`Keep-Alive: timeout=5`) is believed. */
const IDLE_MS = 30_000;
const MAX_HEADER_BYTES = 16 * 1024;

/** One connection to an origin, for one call at a time. */
export class Connection {
  /** What was dialled last; empty where that isn't known. */
  address = '';
  /** A call has come to its end over it before, so it may have died at rest. */
  isReused = false;
  readonly origin: string;
  readonly #client: Client;
  readonly #closing = new AbortController();

  /** `onLost` is told each time that the socket has closed. */
  constructor(target: CallTarget, dialler: Dialler, onLost: (connection: Connection) => void) {
    this.origin = target.origin;
    this.#client = new Client(target.origin, {
      allowH2: false,
      pipelining: 1,
      // Time-outs are kept for the call as a whole: these begin again with each byte.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: IDLE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      connect: (_options, answer) => {
        this.isReused = false;
        this.address = '';
        const onTried = (address: string) => {
          this.address = address;
        };
        dialler.dial(target, this.#closing.signal, onTried).then(
          (socket) => answer(null, socket),
          (error: Error) => answer(error, null),
        );
      },
    });
    this.#client.on('disconnect', () => onLost(this));
  }

  /** Makes a call; it is told what comes of it. */
  send(call: Call): void {
    call.connection = this;
    const { headers, body } = call;
    this.#client.dispatch({ path: call.target.path, method: 'POST', headers, body }, call);
  }

  /** Ends it, with what is under way over it and a try to open it. */
  close(): void {
    this.#closing.abort();
    void this.#client.destroy();
  }
}
