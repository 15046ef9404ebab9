import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { CredentialChangedSchema } from '@millrace/contracts/millrace/auth/v1/auth';
import { type NatsServer, startNatsServer } from '@millrace/embedded';
import { createLogger } from '@millrace/runtime';
import { connectNats } from '@millrace/stores';
import { type CredentialChange, followCredentialChanges } from './credentials-changes.ts';

const log = createLogger({ service: 'test', level: 'silent' });
let nats: NatsServer;
let dataDir: string;

before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-changes-'));
  nats = await startNatsServer({ password: 'a-password-of-tests', dataDir });
});

after(async () => {
  await nats.stop();
  await rm(dataDir, { recursive: true });
});

const announcement = (init: MessageInitShape<typeof CredentialChangedSchema>) =>
  toBinary(CredentialChangedSchema, create(CredentialChangedSchema, init));

test('an announcement names what has changed; one that can not be understood may mean anything', async () => {
  const connection = await connectNats({ url: nats.url, name: 'test', log });
  const heard: (CredentialChange | 'missed')[] = [];
  const listener = {
    changed: (change: CredentialChange) => void heard.push(change),
    missed: () => void heard.push('missed'),
  };
  const stop = followCredentialChanges({ connection, listener, log });
  for (const bytes of [
    announcement({ credentialId: 'c' }),
    announcement({ userId: 'u' }),
    announcement({ workspaceId: 'w' }),
    announcement({ credentialId: 'c', userId: 'u', workspaceId: 'w' }),
    announcement({}),
    Buffer.from('not a message'),
  ]) {
    connection.publish('millrace.auth.changed', bytes);
  }
  await connection.flush();
  assert.deepEqual(heard, [
    { credentialId: 'c' },
    { userId: 'u' },
    { workspaceId: 'w' },
    { credentialId: 'c', userId: 'u', workspaceId: 'w' },
    'missed',
    'missed',
  ]);
  stop();
  await connection.close();
});
