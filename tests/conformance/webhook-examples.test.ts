import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { hermeticEnvironment, onStandalone } from '@millrace/testkit';
import { textAt } from './support/assert-answer.ts';
import { newPerson } from './support/people.ts';
import { type ReceivedCall, type Receiver, startReceiver } from './support/receiver.ts';
import { runCommand } from './support/run-script.ts';
import { newPath, type WorkspaceWithHooks, workspaceWithHooks } from './support/workspace-with-hooks.ts';

const EXAMPLES = join(import.meta.dirname, '../../docs/examples');
const COMPILE_TIMEOUT_MS = 300_000;
const TIMEOUT_MS = 60_000;
const GO = { GO111MODULE: 'off', GOFLAGS: '' };

/** What an example is shown: a key of the receiver's, and a call. */
interface Shown {
  readonly key: string;
  readonly id: string;
  readonly timestamp: string;
  readonly signature: string;
  readonly body: string;
}

/** The programs that verify calls, and whether they know Ed25519. Go’s is compiled into a directory of the test's. */
const VERIFIERS = [
  { name: 'verify.mjs', command: process.execPath, knowsEd25519: true },
  { name: 'verify.py', command: 'python3', knowsEd25519: false },
  { name: 'verify.go', command: undefined, knowsEd25519: true },
  { name: 'verify.sh', command: 'bash', knowsEd25519: false },
  { name: 'verify.pl', command: 'perl', knowsEd25519: false },
] as const;

onStandalone(
  'the examples of docs/webhooks.md',
  (stack) => {
    let directory: string;
    let receiver: Receiver;
    let here: WorkspaceWithHooks;
    /** A call during a rotation, and the two secrets that it is signed with. */
    let hmac: { call: Shown; secrets: readonly string[] };
    let ed25519: Shown;
    before(
      async () => {
        directory = await mkdtemp(join(tmpdir(), 'millrace-examples-'));
        receiver = await startReceiver();
        here = await workspaceWithHooks(stack(), await newPerson(stack()));
        hmac = await rotatedCall();
        ed25519 = await ed25519Call();
        const args = ['build', '-o', join(directory, 'verify'), join(EXAMPLES, 'verify/verify.go')];
        const install = 'install Go from https://go.dev/dl or: apt-get install -y golang-go';
        await runCommand({ command: 'go', args, env: GO, timeoutMs: COMPILE_TIMEOUT_MS, install });
      },
      { timeout: COMPILE_TIMEOUT_MS },
    );
    after(async () => {
      await receiver?.close();
      await rm(directory, { recursive: true, force: true });
    });

    const rotatedCall = async () => {
      const path = newPath();
      const { id, secret } = await here.subscribe({ url: receiver.url + path, events: ['example'] });
      const rotated = await here.call(`POST /webhooks/${id}/rotate-secret`);
      await here.trigger('example', { name: 'Žofie 🛒', percent: '100%' });
      const [call = assert.fail()] = await receiver.until(path, 1);
      return { call: shown(call, secret), secrets: [secret, textAt(rotated.json(), 'secret')] };
    };
    const ed25519Call = async () => {
      const path = newPath();
      const made = await here.call('POST /webhooks', {
        ...{ url: receiver.url + path, events: ['example.ed25519'], signature: 'ed25519' },
      });
      await here.trigger('example.ed25519');
      const [call = assert.fail()] = await receiver.until(path, 1);
      return shown(call, textAt(made.json(), 'publicKey'));
    };
    const shown = ({ headers, body }: ReceivedCall, key: string): Shown => ({
      ...{ key, body, id: String(headers['webhook-id']) },
      timestamp: String(headers['webhook-timestamp']),
      signature: String(headers['webhook-signature']),
    });
    /** What a program says of a call: `genuine`, `refused`, or how it failed. */
    const said = ({ name, command }: (typeof VERIFIERS)[number], one: Shown): string => {
      const file = join(EXAMPLES, 'verify', name);
      const [program, args] = command === undefined ? [join(directory, 'verify'), []] : [command, [file]];
      const env = hermeticEnvironment({
        WEBHOOK_KEY: one.key,
        HTTP_WEBHOOK_ID: one.id,
        HTTP_WEBHOOK_TIMESTAMP: one.timestamp,
        HTTP_WEBHOOK_SIGNATURE: one.signature,
      });
      const { status, stdout, stderr, error } = spawnSync(program, args, {
        ...{ env, input: one.body, encoding: 'utf8', timeout: TIMEOUT_MS },
      });
      if (status === 0 && stdout === 'genuine\n') return 'genuine';
      if (status === 1 && stdout === 'refused\n') return 'refused';
      return `failed: ${status} ${error?.message ?? ''} ${stdout}${stderr}`;
    };
    const signed = (one: Shown, bytes: Buffer): Shown => {
      const mac = createHmac('sha256', bytes).update(`${one.id}.${one.timestamp}.${one.body}`);
      return { ...one, signature: `v1,${mac.digest('base64')}` };
    };
    const bytesOf = (key: string) => Buffer.from(key.slice(key.indexOf('_') + 1), 'base64');

    for (const verifier of VERIFIERS) {
      test(`${verifier.name}: a call is genuine by either secret of a rotation, and by no other`, () => {
        const other = `whsec_${randomBytes(32).toString('base64')}`;
        const verdicts = [...hmac.secrets, other].map((key) => said(verifier, { ...hmac.call, key }));
        assert.deepEqual(verdicts, ['genuine', 'genuine', 'refused']);
      });

      test(`${verifier.name}: another body, id, time or signature than was sent is refused, and so is an old call`, () => {
        const { call } = hmac;
        const aged = (seconds: number) =>
          signed({ ...call, timestamp: String(Number(call.timestamp) + seconds) }, bytesOf(call.key));
        assert.equal(said(verifier, aged(-60)), 'genuine', 'a minute old');
        const [first = ''] = call.signature.split(' ');
        const refused: Record<string, Shown> = {
          'another body': { ...call, body: call.body.replace('100%', '101%') },
          'a line feed more': { ...call, body: `${call.body}\n` },
          'no body': { ...call, body: '' },
          'another id': { ...call, id: `${call.id}x` },
          'another time': { ...call, timestamp: String(Number(call.timestamp) + 1) },
          'ten minutes old': aged(-600),
          'ten minutes ahead': aged(600),
          'no time': { ...call, timestamp: '' },
          'a time that is none': { ...call, timestamp: `${call.timestamp}.5` },
          'no signature': { ...call, signature: '' },
          'half a signature': { ...call, signature: first.slice(0, 20) },
          'another version': { ...call, signature: call.signature.replaceAll('v1,', 'v2,') },
          'the signature alone': { ...call, signature: first.slice('v1,'.length) },
        };
        for (const [what, one] of Object.entries(refused)) assert.equal(said(verifier, one), 'refused', what);
      });

      test(`${verifier.name}: ${verifier.knowsEd25519 ? 'Ed25519 is verified' : 'a public key is no secret'}`, () => {
        const forged = signed(ed25519, bytesOf(ed25519.key));
        if (verifier.knowsEd25519) {
          assert.equal(said(verifier, ed25519), 'genuine');
          assert.equal(said(verifier, { ...ed25519, body: `${ed25519.body} ` }), 'refused');
          assert.equal(said(verifier, forged), 'refused');
        } else {
          assert.match(said(verifier, forged), /^failed: .*a secret begins with whsec_/s);
        }
      });
    }

    test('queue/consumer.mjs takes the events of a queue, and goes on where it stopped', {
      timeout: TIMEOUT_MS,
    }, async () => {
      const queue = 'examples';
      const target = { kind: 'nats', queue };
      const made = await here.call('POST /v1/triggers', { events: ['queued.*'], target });
      assert.equal(made.status, 201, made.text);
      await cp(join(EXAMPLES, 'queue/consumer.mjs'), join(directory, 'consumer.mjs'));
      // What it imports is found from where it stands.
      await symlink(join(import.meta.dirname, '../node_modules'), join(directory, 'node_modules'));
      await here.trigger('queued.one', { n: 1 });
      const first = startConsumer(queue);
      assert.match(await first.line(), /^dlv_[A-Za-z0-9_-]{22} queued\.one \{"n":1\}$/);
      await here.trigger('queued.two', { n: 2 });
      assert.match(await first.line(), / queued\.two \{"n":2\}$/);
      await first.stop();
      await here.trigger('queued.three', { n: 3 });
      const second = startConsumer(queue);
      assert.match(await second.line(), / queued\.three \{"n":3\}$/);
      await second.stop();
    });

    const startConsumer = (queue: string) => {
      const { url, username, password } = stack().connection.nats;
      const child: ChildProcess = spawn(process.execPath, ['consumer.mjs'], {
        cwd: directory,
        env: hermeticEnvironment({
          ...{
            NATS_URL: url,
            NATS_USER: username,
            NATS_PASSWORD: password,
            WORKSPACE: here.id,
            QUEUE: queue,
          },
        }),
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const lines = createInterface({ input: child.stdout ?? assert.fail() })[Symbol.asyncIterator]();
      return {
        line: async () => String((await lines.next()).value),
        async stop() {
          const exit = once(child, 'exit');
          child.kill();
          await exit;
        },
      };
    };
  },
  { mail: true, env: { WEBHOOK_ALLOW_PRIVATE: 'true' } },
);
