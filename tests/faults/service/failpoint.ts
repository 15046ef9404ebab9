import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A place in a service's work where its process can be made to die. */
export type FailpointName =
  | 'before-publish'
  | 'after-publish'
  | 'before-answer'
  | 'before-insert'
  | 'after-insert'
  | 'after-position'
  | 'after-parking';

/** Makes the next process that reaches a point die there. */
export function armFailpoint(controlDir: string, name: FailpointName): void {
  writeFileSync(armedFile(controlDir), name);
}

/** The point that is armed and was not reached yet. */
export function armedFailpoint(controlDir: string): string | undefined {
  try {
    return readFileSync(armedFile(controlDir), 'utf8');
  } catch {
    // There is no such file: nothing is armed.
    return undefined;
  }
}

/** Disarms and kills this process if the point is armed. */
export function reachFailpoint(name: FailpointName): void {
  const controlDir = process.env['MILLRACE_FAULT_CONTROL'];
  if (controlDir === undefined || armedFailpoint(controlDir) !== name) return;
  // Disarmed first: the restarted process must get past it.
  rmSync(armedFile(controlDir), { force: true });
  process.kill(process.pid, 'SIGKILL');
}

function armedFile(controlDir: string): string {
  return join(controlDir, 'armed');
}
