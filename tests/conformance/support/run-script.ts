import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hermeticEnvironment } from '@millrace/testkit';

/** How each language's code is run, and how to get what runs it. */
const LANGUAGES = {
  node: { file: 'script.mjs', command: process.execPath, args: [], install: 'install Node.js' },
  bash: { file: 'script.sh', command: 'bash', args: [], install: 'apt-get install -y bash curl' },
  python: {
    file: 'script.py',
    command: 'python3',
    args: [],
    install: 'apt-get install -y python3 python3-pip',
  },
  go: {
    file: 'main.go',
    command: 'go',
    args: ['run'],
    install: 'install Go from https://go.dev/dl or: apt-get install -y golang-go',
  },
} as const satisfies Record<
  string,
  { file: string; command: string; args: readonly string[]; install: string }
>;

/** Code and what it runs with. */
export interface Script {
  readonly language: keyof typeof LANGUAGES;
  readonly code: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Default: 60 s. */
  readonly timeoutMs?: number;
}

/** Runs code in a directory of its own and returns what it printed; throws with its errors when it fails. */
export async function runScript({ language, code, env = {}, timeoutMs = 60_000 }: Script): Promise<string> {
  const { file, command, args, install } = LANGUAGES[language];
  const directory = await mkdtemp(join(tmpdir(), 'millrace-script-'));
  try {
    await writeFile(join(directory, file), code);
    return await runCommand({ command, args: [...args, file], cwd: directory, env, timeoutMs, install });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** A program and what it is run with. */
export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Said when the program is missing. */
  readonly install: string;
}

/** Runs a program and returns what it printed; throws with its errors when it fails or is missing. */
export function runCommand({ command, args, cwd, env = {}, timeoutMs, install }: Command): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: hermeticEnvironment(env),
      timeout: timeoutMs,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
    child.on('error', (cause) =>
      reject(new Error(`${command} does not run; get it with: ${install}`, { cause })),
    );
    child.on('close', (status, signal) => {
      const text = Buffer.concat(output).toString();
      if (status === 0) return resolve(text);
      const how = signal === null ? `exit code ${status}` : `signal ${signal}`;
      reject(new Error(`${command} ended with ${how}: ${Buffer.concat(errors)}${text}`));
    });
  });
}
