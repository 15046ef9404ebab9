import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Connection, lastLines, prepareDataDirectory, readConnection } from '@millrace/embedded';

/** What {@link startDetached} needs. */
export interface DetachedOptions {
  /** Arguments of the same command in the foreground. */
  argv: readonly string[];
  dataDir: string;
}

/** How a start in the background went. */
export type LaunchReport = { kind: 'ready' } | { kind: 'failed'; reason: string };

/** Runs `up.ts` in the background and resolves when its stack is ready; throws with its last lines otherwise. */
export async function startDetached({ argv, dataDir }: DetachedOptions): Promise<Connection> {
  prepareDataDirectory(resolve(dataDir));
  const logFile = resolve(dataDir, 'logs', 'up.log');
  const output = openSync(logFile, 'a', 0o600);
  const child = spawn(process.execPath, [...process.execArgv, join(import.meta.dirname, 'up.ts'), ...argv], {
    detached: true,
    stdio: ['ignore', output, output, 'ipc'],
  });
  closeSync(output);

  const report = await new Promise<LaunchReport>((settle) => {
    child.once('message', (message) => settle(parseReport(message)));
    child.once('exit', () =>
      settle({ kind: 'failed', reason: `the stack did not start:${lastLines(logFile, 20)}` }),
    );
  });
  if (report.kind === 'failed') throw new Error(report.reason);
  const connection = readConnection(dataDir);
  if (connection === undefined) throw new Error('the stack was stopped as soon as it was ready');
  child.disconnect();
  child.unref();
  return connection;
}

/** Tells the command that launched this process in the background, if one still waits. */
export async function reportToLauncher(report: LaunchReport): Promise<void> {
  if (process.send === undefined || !process.connected) return;
  // A launcher that was interrupted in the meantime needs no answer, so a failure to send one is none.
  await new Promise<void>((sent) => process.send?.(report, undefined, undefined, () => sent()));
}

function parseReport(message: unknown): LaunchReport {
  if (typeof message !== 'object' || message === null || !('kind' in message)) {
    return { kind: 'failed', reason: 'the background process sent an unknown report' };
  }
  if (message.kind === 'ready') return { kind: 'ready' };
  return { kind: 'failed', reason: 'reason' in message ? String(message.reason) : 'no reason was given' };
}
