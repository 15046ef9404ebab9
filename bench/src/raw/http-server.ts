import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

// The raw limit of an HTTP route: reads a body and answers 202 with as many bytes as the measured server answers.
// It is told their number, tells its port, and ends with its parent.

const bodyBytes = Number(process.argv[2]);
if (!Number.isSafeInteger(bodyBytes)) throw new Error('usage: http-server.ts BODY_BYTES');
const body = Buffer.alloc(bodyBytes, 'x');

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    response.writeHead(202, { 'content-type': 'application/json', 'content-length': bodyBytes });
    response.end(body);
  });
});
server.listen(0, '127.0.0.1', () => {
  // A server that listens on TCP has an AddressInfo; the string form is for pipes.
  const { port } = server.address() as AddressInfo;
  process.send?.({ port });
});
process.on('disconnect', () => process.exit(0));
