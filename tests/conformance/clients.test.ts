import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { eventually, onStandalone } from '@millrace/testkit';
import { startTemporalService } from '../../services/webhook/test/temporal-service.ts';
import { UUID_V7 } from './support/assert-answer.ts';
import { httpCall } from './support/http-call.ts';
import { runCommand, runScript } from './support/run-script.ts';
import { storedEvent } from './support/stored-events.ts';

const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'millrace');
const REQUESTS_VERSION = '2.32.5';
const REQUESTS = join(CACHE, `python-requests-${REQUESTS_VERSION}`);
const INSTALL_TIMEOUT_MS = 300_000;
const WORKFLOW_TIMEOUT_MS = 30_000;

// The stack has to know its address when it starts.
const temporal = await startTemporalService();
after(() => temporal.close());

/** The client code that document 001 prints; the base URL and the token are all that is replaced in it. Each event starts a workflow. */
onStandalone(
  '001 workflow: the printed clients',
  (stack) => {
    before(async () => {
      const { url, credentials } = stack().connection;
      const target = { kind: 'temporal', namespace: 'default', taskQueue: 'events', workflowType: 'onEvent' };
      const made = await httpCall(`${url}/v1/triggers`, {
        headers: { 'x-api-key': credentials.apiKey, 'content-type': 'application/json' },
        body: JSON.stringify({ events: ['user.*', 'order.*'], target }),
      });
      assert.equal(made.status, 201, made.text);
    });

    const clientCode = (file: string) => {
      const code = readFileSync(join(import.meta.dirname, 'clients', file), 'utf8');
      const { url, credentials } = stack().connection;
      const replaced = code
        .replace('http://localhost:8080', url)
        .replace(/(['"])test-token\1/, JSON.stringify(credentials.bearerToken));
      assert.ok(replaced.includes(url) && replaced.includes(credentials.bearerToken), replaced);
      return replaced;
    };
    const assertStored = async (printed: string, eventType: string, payload: object) => {
      const eventId = printed.trim();
      assert.match(eventId, UUID_V7);
      const row = await storedEvent(stack(), { eventId });
      assert.equal(row.eventType, eventType);
      assert.deepEqual(JSON.parse(row.payload), payload);
      await assertStarted(eventId, payload);
    };
    /** One workflow for the event. */
    const assertStarted = (eventId: string, payload: object) =>
      eventually(
        () => {
          const started = temporal.runs.flatMap(({ type, input: [text = ''] }) => {
            const input = JSON.parse(text);
            return input.eventId === eventId ? [{ type, payload: input.data }] : [];
          });
          assert.deepEqual(started, [{ type: 'onEvent', payload }]);
        },
        { timeoutMs: WORKFLOW_TIMEOUT_MS },
      );

    test('Node.js', async () => {
      const code = `${clientCode('client.mjs.txt')}\nconsole.log(eventId);`;
      const printed = await runScript({ language: 'node', code });
      await assertStored(printed, 'user.signup', { userId: 'user_123', email: 'user@example.com' });
    });

    test('Python', { timeout: INSTALL_TIMEOUT_MS }, async () => {
      await installRequests();
      const code = `${clientCode('client.py.txt')}\nprint(event_id)`;
      const printed = await runScript({ language: 'python', code, env: { PYTHONPATH: REQUESTS } });
      await assertStored(printed, 'order.created', { orderId: 'order_123', customerId: 'customer_456' });
    });

    test('Go', { timeout: INSTALL_TIMEOUT_MS }, async () => {
      const printed = await runScript({
        language: 'go',
        code: asGoProgram(clientCode('client.go.txt')),
        env: { GO111MODULE: 'off', GOFLAGS: '' },
        timeoutMs: INSTALL_TIMEOUT_MS,
      });
      await assertStored(printed, 'user.created', { userId: 'user_123', email: 'user@example.com' });
    });

    before(() => mkdir(CACHE, { recursive: true }));
  },
  { env: { TEMPORAL_ADDRESS: temporal.address } },
);

/** The document prints the call after the functions; in Go statements stand in a function. */
function asGoProgram(code: string): string {
  const [functions, usage] = code.split('// Usage\n');
  assert.ok(functions && usage);
  return `${functions}func main() {\n${usage}\nif err != nil {\npanic(err)\n}\nfmt.Println(eventID)\n}\n`;
}

/** Puts the library that the printed client imports into the cache, once for a version. */
async function installRequests(): Promise<void> {
  if (existsSync(REQUESTS)) return;
  const unfinished = await mkdtemp(`${REQUESTS}-`);
  try {
    await runCommand({
      command: 'python3',
      args: ['-m', 'pip', 'install', '--quiet', '--target', unfinished, `requests==${REQUESTS_VERSION}`],
      timeoutMs: INSTALL_TIMEOUT_MS,
      install: 'apt-get install -y python3 python3-pip',
    });
    await rename(unfinished, REQUESTS);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    // Another run may have put it there in the meantime.
    if (!existsSync(REQUESTS)) throw error;
  }
}
