import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { pickFreePort, startClickHouse } from '@millrace/embedded';

const HOST = fileURLToPath(new URL('../../../packages/embedded/src/clickhouse-host.ts', import.meta.url));

/** A ClickHouse whose operator has made its users otherwise than the documentation says. */
export async function startEditedClickHouse(edit: (usersXml: string) => string) {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-edited-'));
  const port = await pickFreePort();
  const passwords = { application: 'application', inspector: 'inspector', sql: 'statements' };
  const first = await startClickHouse({ dataDir, passwords, port });
  await first.stop();
  const users = join(dataDir, 'config', 'users.xml');
  const text = await readFile(users, 'utf8');
  const edited = edit(text);
  if (edited === text) throw new Error('the edit has changed nothing');
  await writeFile(users, edited);
  const child = spawn(process.execPath, [HOST, 'config/config.xml', String(port), 'millrace'], {
    cwd: dataDir,
    env: { ...process.env, CLICKHOUSE_PASSWORD: passwords.application },
    stdio: 'ignore',
  });
  const url = `http://127.0.0.1:${port}`;
  const isReady = () =>
    fetch(`${url}/ping`).then(
      (answer) => answer.ok,
      () => false,
    );
  for (let tries = 0; !(await isReady()); tries++) {
    if (tries > 600 || child.exitCode !== null) throw new Error('ClickHouse does not start');
    await delay(100);
  }
  return {
    url,
    passwords,
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
