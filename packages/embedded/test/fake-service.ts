import { createServer } from 'node:http';

// Stands in for a Millrace service where only its life as a process matters.
const { PORT = '', ADMIN_PORT = '', NATS_URL = '', CLICKHOUSE_URL = '', FAIL, LACKS } = process.env;
if (FAIL !== undefined) {
  process.stderr.write(`fake service: ${FAIL}\n`);
  process.exit(3);
}
const servers = [PORT, ADMIN_PORT].map((port) =>
  createServer((request, response) => {
    if (LACKS !== undefined && request.url === '/preparedz') {
      response.writeHead(503, { connection: 'close' }).end(`not prepared: ${LACKS}\n`);
      return;
    }
    response.setHeader('connection', 'close').end(JSON.stringify({ NATS_URL, CLICKHOUSE_URL }));
  }).listen(Number(port), '127.0.0.1'),
);
process.on('SIGTERM', () => {
  for (const server of servers) server.close();
});
