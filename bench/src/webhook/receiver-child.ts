import { createServer, type Server, type Socket } from 'node:net';
import { LatencyHistogram } from '../load/latency-histogram.ts';
import { type Behaviour, clockMs, type ReceiverReport } from './receiver.ts';

// The customers' servers, all in one process: reads calls off plain sockets and answers 200 `ok`, but for those of whom it is told.
// It is told how many ports there are to be, tells which they are, and ends with its parent.

const OK = answer('200 OK', 'ok');
const FAILED = answer('500 Internal Server Error', 'no');
const SENT_AT = '"sentAtMs":';

const count = Number(process.argv[2]);
if (!Number.isSafeInteger(count)) throw new Error('usage: receiver-child.ts PORTS');

let hanging = new Set<number>();
let failing = new Set<number>();
let latency = new LatencyHistogram();
let ids = new Set<string>();
let received = 0;
let lastAtMs = 0;
let sample = '';
/** Whose call is never answered. */
const held = new Set<Socket>();

process.on('message', (command: Behaviour | 'look') => {
  if (command !== 'look') {
    hanging = new Set(command.hanging);
    failing = new Set(command.failing);
    latency = new LatencyHistogram();
    ids = new Set();
    received = 0;
    for (const socket of held) socket.destroy();
  }
  const report: ReceiverReport = {
    received,
    distinct: ids.size,
    lastAtMs,
    latency: latency.summary(),
    sample,
  };
  process.send?.(report);
});
process.on('disconnect', () => process.exit(0));

const servers = await Promise.all(
  Array.from({ length: count }, () => {
    const server = createServer({ noDelay: true }, serve);
    return new Promise<Server>((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
  }),
);
process.send?.(
  servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' ? address?.port : undefined;
  }),
);

function serve(socket: Socket): void {
  let unread = '';
  socket.setEncoding('latin1');
  // Receivers that hang are left by their caller.
  socket.on('error', () => socket.destroy());
  socket.on('close', () => held.delete(socket));
  socket.on('data', (chunk) => {
    unread += chunk;
    for (let end = lengthOfCall(unread); end <= unread.length; end = lengthOfCall(unread)) {
      const call = unread.slice(0, end);
      unread = unread.slice(end);
      const reply = take(call);
      if (reply === undefined) held.add(socket);
      else socket.write(reply);
    }
  });
}

/** Counts a call of somebody healthy; undefined for one that gets no answer. */
function take(call: string): string | undefined {
  const endpoint = Number(/^POST \/(\d+) /.exec(call)?.[1]);
  if (hanging.has(endpoint)) return undefined;
  if (failing.has(endpoint)) return FAILED;
  received++;
  lastAtMs = clockMs();
  sample = call;
  ids.add(/\r\nwebhook-id: (\S+)/i.exec(call)?.[1] ?? '');
  const sentAt = call.indexOf(SENT_AT);
  if (sentAt >= 0)
    latency.record(Math.max(0, lastAtMs - Number.parseFloat(call.slice(sentAt + SENT_AT.length))) * 1_000);
  return OK;
}

/** Infinite while the head is not whole. */
function lengthOfCall(text: string): number {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return Number.POSITIVE_INFINITY;
  return headEnd + 4 + Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? 0);
}

function answer(status: string, body: string): string {
  return `HTTP/1.1 ${status}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}
