import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { hermeticEnvironment } from '@millrace/testkit';

/** The repository. */
export const ROOT = join(import.meta.dirname, '../../..');

/** How a program ended. */
export interface Ended {
  readonly status: number | null;
  readonly output: string;
  readonly errors: string;
}

/** What {@link runCommand} needs besides the program and its arguments. */
export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Default: 60 s. */
  readonly timeoutMs?: number;
  /** Said when the program is missing. */
  readonly install?: string;
}

/** Runs a program in the repository and returns how it ended, whatever its exit code. */
export function runCommand(
  command: string,
  args: readonly string[],
  { env = {}, timeoutMs = 60_000, install }: RunOptions = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: ROOT,
      env: hermeticEnvironment(env),
      timeout: timeoutMs,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
    child.on('error', (cause) => {
      const hint = install === undefined ? '' : `; get it with: ${install}`;
      reject(new Error(`${command} does not run${hint}`, { cause }));
    });
    child.on('close', (status) => {
      resolve({
        status,
        output: Buffer.concat(output).toString(),
        errors: Buffer.concat(errors).toString(),
      });
    });
  });
}

/** Runs a program that must succeed and returns what it printed. */
export async function runSuccessfully(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { status, output, errors } = await runCommand(command, args, options);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${errors}${output}`);
  return output;
}
