import type { Socket } from 'node:net';
import { answer, type Behaviour } from './receiver.ts';

const CLOSED = 'the connection was closed before the answer was complete';
const NO_HTTP = 'the answer is not HTTP/1.1';
const WRONG_LENGTH = 'the answer is longer or shorter than it says';
/** Of a caller that has 1 s. */
export const TIMEOUT = 'timeout after 1 s';

/** Says something again and again, as fast as it is read, until the other side is gone. */
export function forEver(socket: Socket, chunk: string | Buffer, before = ''): void {
  socket.write(before);
  const pump = () => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on('drain', pump);
  pump();
}

/** Says one byte every 20 ms. */
function drip(socket: Socket, text: string, before = ''): void {
  socket.write(before);
  let at = 0;
  const timer = setInterval(() => socket.write(text.charAt(at++ % text.length)), 20);
  socket.on('close', () => clearInterval(timer));
}

/** A receiver that does something wrong, and what is to come of a call to it. */
export interface HostileReceiver {
  readonly what: string;
  readonly behave: Behaviour;
  readonly status?: number;
  readonly error: string | undefined;
  readonly isTruncated?: boolean;
}

export const HEAD = 'HTTP/1.1 200 OK\r\n';

/** One of each kind. */
export const HOSTILE_RECEIVERS: readonly HostileReceiver[] = [
  { what: 'says nothing', behave: () => undefined, error: TIMEOUT },
  {
    what: 'drips its headers',
    behave: (s) => drip(s, `${HEAD}${'x: y\r\n'.repeat(99)}`),
    error: TIMEOUT,
  },
  { what: 'drips one header for ever', behave: (s) => drip(s, 'y', `${HEAD}x: `), error: TIMEOUT },
  {
    what: 'drips its body',
    behave: (s) => drip(s, 'y', `${HEAD}content-length: 5000\r\n\r\n`),
    status: 200,
    error: TIMEOUT,
  },
  {
    what: 'never ends its chunks',
    behave: (s) => s.write(`${HEAD}transfer-encoding: chunked\r\n\r\n2\r\nok\r\n`),
    status: 200,
    error: TIMEOUT,
  },
  {
    what: 'has endless headers',
    behave: (s) => forEver(s, `x-${'y'.repeat(500)}: z\r\n`, HEAD),
    error: 'the headers of the answer are longer than 16 KiB',
  },
  {
    what: 'has an endless header',
    behave: (s) => forEver(s, 'y'.repeat(4_096), `${HEAD}x: `),
    error: 'the headers of the answer are longer than 16 KiB',
  },
  {
    what: 'has an endless body',
    behave: (s) => forEver(s, Buffer.alloc(65_536, 'y'), `${HEAD}\r\n`),
    status: 200,
    error: undefined,
    isTruncated: true,
  },
  {
    what: 'has endless chunks',
    behave: (s) => forEver(s, '1\r\ny\r\n'.repeat(1_000), `${HEAD}transfer-encoding: chunked\r\n\r\n`),
    status: 200,
    error: undefined,
    isTruncated: true,
  },
  {
    what: 'has an endless chunk extension',
    behave: (s) => forEver(s, 'y'.repeat(4_096), `${HEAD}transfer-encoding: chunked\r\n\r\n1;x=`),
    status: 200,
    error: TIMEOUT,
  },
  {
    what: 'has endless trailers',
    behave: (s) => forEver(s, `x: ${'y'.repeat(500)}\r\n`, `${HEAD}transfer-encoding: chunked\r\n\r\n0\r\n`),
    status: 200,
    error: 'the headers of the answer are longer than 16 KiB',
  },
  {
    what: 'floods with interim answers',
    behave: (s) => forEver(s, 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(100)),
    error: 'too many interim answers',
  },
  {
    what: 'sends a hint first',
    behave: (s) => s.write(`HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n${answer('ok')}`),
    status: 200,
    error: undefined,
  },
  {
    what: 'switches protocols',
    behave: (s) => s.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
    error: CLOSED,
  },
  { what: 'closes', behave: (s) => s.end(), error: CLOSED },
  { what: 'resets', behave: (s) => s.resetAndDestroy(), error: 'connection reset' },
  { what: 'closes within its headers', behave: (s) => s.end(`${HEAD}content-`), error: CLOSED },
  {
    what: 'closes within its body',
    behave: (s) => s.end(`${HEAD}content-length: 10\r\n\r\n123`),
    status: 200,
    error: CLOSED,
  },
  {
    what: 'closes within its last body',
    behave: (s) => s.end(`${HEAD}connection: close\r\ncontent-length: 10\r\n\r\n123`),
    status: 200,
    error: WRONG_LENGTH,
  },
  {
    what: 'closes within its chunks',
    behave: (s) => s.end(`${HEAD}transfer-encoding: chunked\r\n\r\n5\r\n12`),
    status: 200,
    error: CLOSED,
  },
  {
    what: 'ends its body by closing',
    behave: (s) => s.end(`${HEAD}connection: close\r\n\r\nok`),
    status: 200,
    error: undefined,
  },
  { what: 'speaks SSH', behave: (s) => s.write('SSH-2.0-OpenSSH_9.6\r\n'), error: NO_HTTP },
  {
    what: 'speaks HTTP/2',
    behave: (s) => s.write(Buffer.from('000006040000000000000300000064', 'hex')),
    error: NO_HTTP,
  },
  { what: 'sends zeros', behave: (s) => forEver(s, Buffer.alloc(1_024)), error: NO_HTTP },
  { what: 'has no status', behave: (s) => s.write('HTTP/1.1 OK\r\n\r\n'), error: NO_HTTP },
  {
    what: 'has two lengths',
    behave: (s) => s.write(`${HEAD}content-length: 2\r\ncontent-length: 3\r\n\r\nok`),
    error: WRONG_LENGTH,
  },
  {
    what: 'has a length and chunks',
    behave: (s) => s.write(`${HEAD}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\nok`),
    error: WRONG_LENGTH,
  },
  {
    what: 'has a negative length',
    behave: (s) => s.write(`${HEAD}content-length: -1\r\n\r\n`),
    error: NO_HTTP,
  },
  {
    what: 'has a bad chunk size',
    behave: (s) => s.write(`${HEAD}transfer-encoding: chunked\r\n\r\nzz\r\n`),
    status: 200,
    error: NO_HTTP,
  },
  {
    what: 'answers 204 with a body',
    behave: (s) => s.write('HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello'),
    status: 204,
    error: undefined,
  },
  {
    what: 'answers twice',
    behave: (s) => s.write(answer('ok') + answer('no', { status: '500 Oops' })),
    status: 200,
    error: undefined,
  },
];
