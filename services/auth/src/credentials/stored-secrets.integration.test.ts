import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CredentialKind } from '@millrace/contracts/millrace/auth/v1/auth';
import type { NatsConnection } from '@millrace/stores';
import {
  type Bench,
  CALL,
  ENVIRONMENT,
  granted,
  judged,
  KEY_HOLDER,
  methodsOf,
  startAuth,
  startBench,
  WORKSPACE,
} from '../../test/auth.ts';

/** As many characters of a secret would make the rest of it easier to guess. */
const TELLING_LENGTH = 12;
let bench: Bench;

before(async () => {
  bench = await startBench();
});

after(() => bench.close());

test('a dump of the store opens nothing', async () => {
  const { auth, connection, stop } = await startAuth(bench, ENVIRONMENT);
  const { credentials } = methodsOf(auth);
  const secrets: string[] = Object.values(ENVIRONMENT).slice(3);
  for (const kind of [
    CredentialKind.ANALYTICS_KEY,
    CredentialKind.SECRET_KEY,
    CredentialKind.EXTERNAL_EVENT_TOKEN,
  ]) {
    const request = { workspaceId: WORKSPACE, kind, name: 'k', permissions: ['*'], actor: KEY_HOLDER };
    const made = await credentials.createCredential(request, CALL);
    const rotation = { workspaceId: WORKSPACE, id: made.credential?.id ?? '', actor: KEY_HOLDER };
    const next = await credentials.rotateCredential({ ...rotation, overlapSeconds: 60 }, CALL);
    secrets.push(made.secret, next.secret);
  }
  for (const secret of secrets) granted(auth, secret);
  const dump = await readAllBuckets(connection);
  const text = dump.map(({ key, value }) => `${key}\n${value}`).join('\n');
  assert.ok(text.includes('"environmentName":"BOOTSTRAP_API_KEY"'), 'the records are in the dump');
  for (const secret of [...secrets, ENVIRONMENT.KEY_PEPPER]) {
    const forms = [secret, Buffer.from(secret).toString('base64'), Buffer.from(secret).toString('hex')];
    for (const form of forms) {
      for (let at = 0; at + TELLING_LENGTH <= form.length; at++) {
        const part = form.slice(at, at + TELLING_LENGTH);
        // The prefix and the last four characters are shown, and repetitive test secrets repeat them.
        assert.equal(text.includes(part), false, `the dump holds ${part}`);
      }
    }
  }
  let presented = 0;
  for (const candidate of new Set(dump.flatMap(({ key, value }) => [key, value, ...stringsIn(value)]))) {
    presented++;
    assert.equal((await auth.verify(candidate)).kind, 'refused', `${candidate} of the dump opens something`);
  }
  assert.ok(presented > 50, `${presented} values were presented`);
  await stop();
});

test('with another pepper the same store grants nothing that was issued', async () => {
  const { auth, stop } = await startAuth(bench, ENVIRONMENT);
  const kind = CredentialKind.SECRET_KEY;
  const request = { workspaceId: WORKSPACE, kind, name: 'k', actor: KEY_HOLDER };
  const { secret } = await methodsOf(auth).credentials.createCredential(request, CALL);
  assert.equal(judged(auth, secret).kind, 'granted');
  await stop();
  const other = await startAuth(bench, { ...ENVIRONMENT, KEY_PEPPER: 'another pepper of as many letters' });
  assert.equal(judged(other.auth, secret).kind, 'refused');
  await other.stop();
});

test("the store's files hold no secret, not even of what was changed or deleted", async () => {
  const { auth, stop } = await startAuth(bench, ENVIRONMENT);
  const { credentials } = methodsOf(auth);
  const kind = CredentialKind.ANALYTICS_KEY;
  const request = { workspaceId: WORKSPACE, kind, name: 'dumped', actor: KEY_HOLDER };
  const { credential, secret } = await credentials.createCredential(request, CALL);
  const one = { workspaceId: WORKSPACE, id: credential?.id ?? '', actor: KEY_HOLDER };
  await credentials.updateCredential({ ...one, name: 'changed' }, CALL);
  await credentials.deleteCredential(one, CALL);
  await stop();
  const files = await readdir(join(bench.dataDir, 'jetstream'), { recursive: true, withFileTypes: true });
  const blocks = await Promise.all(
    files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name), 'latin1')),
  );
  const dump = blocks.join('');
  assert.ok(dump.includes('"environmentName":"BOOTSTRAP_API_KEY"'), 'the records are in the dump');
  for (const text of [...Object.values(ENVIRONMENT).slice(3), ENVIRONMENT.KEY_PEPPER, secret]) {
    assert.equal(dump.includes(text), false, `the dump holds ${text}`);
  }
});

async function readAllBuckets(connection: NatsConnection): Promise<{ key: string; value: string }[]> {
  const manager = await connection.jetstreamManager();
  const found: { key: string; value: string }[] = [];
  for await (const { config, state } of manager.streams.list()) {
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      // Of a record only the last revision is kept.
      const stored = await manager.streams.getMessage(config.name, { seq }).catch(() => undefined);
      if (stored) found.push({ key: stored.subject, value: Buffer.from(stored.data).toString('latin1') });
    }
  }
  return found;
}

/** What an intruder would try: every string in what is stored, and every part of it between separators. */
function stringsIn(value: string): string[] {
  return value.split(/[^A-Za-z0-9_-]+/).filter((part) => part.length >= 4);
}
