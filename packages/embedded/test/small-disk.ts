import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';

/** Mounts a tmpfs of so many MiB, or one that can't be written to, and returns what takes it away again. */
export function mountDisk(directory: string, options: { mebibytes: number; readOnly?: boolean }): () => void {
  if (process.getuid?.() !== 0) throw new Error('a small disk is a tmpfs, which only root may mount');
  mkdirSync(directory, { recursive: true });
  const mode = `size=${options.mebibytes}m,mode=0755${options.readOnly === true ? ',ro' : ''}`;
  execFileSync('mount', ['-t', 'tmpfs', '-o', mode, 'millrace-test', directory]);
  return () => void execFileSync('umount', ['--lazy', directory]);
}
