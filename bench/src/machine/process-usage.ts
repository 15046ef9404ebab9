import { readFileSync } from 'node:fs';

/** The kernel reports processor time in hundredths of a second, whatever its own tick. */
const TICKS_PER_SECOND = 100;

/** Fields of /proc/PID/stat behind the process's name, which may itself hold spaces and parentheses. */
const USER_TICKS = 11;
const SYSTEM_TICKS = 12;

/** Processor seconds that a process has used, all its threads together; 0 when it is gone. */
export function cpuSecondsOf(pid: number): number {
  const fields = readProc(pid, 'stat').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[USER_TICKS] ?? 0) + Number(fields[SYSTEM_TICKS] ?? 0)) / TICKS_PER_SECOND;
}

/** Memory that a process has resident, in bytes; 0 when it is gone. */
export function residentBytesOf(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB/m.exec(readProc(pid, 'status'))?.[1];
  return Number(kibibytes ?? 0) * 1024;
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    // The process ended, or this is no Linux: there is nothing to report then.
    return '';
  }
}
