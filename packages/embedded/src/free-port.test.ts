import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { isPortFree, pickFreePort } from './free-port.ts';

test('ports picked together differ and can be listened on', async () => {
  const ports = await Promise.all(Array.from({ length: 20 }, pickFreePort));
  assert.equal(new Set(ports).size, 20);
  for (const port of ports) assert.equal(await isPortFree(port), true);
});

test('a port in use is not free', async () => {
  const port = await pickFreePort();
  const server = createServer();
  await new Promise<void>((listening) => server.listen(port, '0.0.0.0', listening));
  assert.equal(await isPortFree(port), false);
  server.close();
});
