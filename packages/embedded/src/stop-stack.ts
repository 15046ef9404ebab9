import { join, resolve } from 'node:path';
import { endOrphan } from './child-process.ts';
import { removeConnection } from './connection.ts';
import { lockHolder, releaseLock } from './data-directory.ts';
import { terminateProcess } from './process-identity.ts';
import { endOrphans } from './stack.ts';

/** What {@link stopStack} found. */
export type StopOutcome = { kind: 'stopped'; pid: number } | { kind: 'not-running' };

/** Stops the stack on a data directory, and only that one, and whatever a killed one left behind there. */
export async function stopStack(options: { dataDir: string; graceMs: number }): Promise<StopOutcome> {
  const dataDir = resolve(options.dataDir);
  const supervisor = lockHolder(dataDir);
  if (supervisor !== undefined) {
    await terminateProcess(supervisor, options.graceMs);
    releaseLock(dataDir, supervisor);
  }
  await endOrphans(dataDir);
  for (const store of ['nats', 'clickhouse']) await endOrphan(join(dataDir, store, 'process.json'));
  removeConnection(dataDir);
  return supervisor === undefined ? { kind: 'not-running' } : { kind: 'stopped', pid: supervisor.pid };
}
