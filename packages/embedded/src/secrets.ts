import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomically } from './atomic-file.ts';

const secretsSchema = z.object({
  /** `evp_` and 43 characters of base64url; has every permission. */
  apiKey: z.string().regex(/^evp_[A-Za-z0-9_-]{43}$/),
  /** 64 hex digits. */
  externalEventToken: z.string().regex(/^[0-9a-f]{64}$/),
  emailApiKey: z.string().min(16),
  /** UUIDv7 of the workspace that exists from the start. */
  workspaceId: z.uuid(),
  /** Mixed into the hashes of stored credentials. */
  keyPepper: z.string().min(32),
  /** Encrypts the signing secrets of webhook endpoints where they are stored. */
  webhookSealKey: z.string().min(32),
  /** Lets the services trust each other's calls. */
  serviceSecret: z.string().min(32),
  clickHousePassword: z.string().min(16),
  inspectorPassword: z.string().min(16),
  /** Of the user that the statements of workspaces run as. */
  sqlPassword: z.string().min(16),
  /** Of the embedded NATS. */
  natsPassword: z.string().regex(/^[A-Za-z0-9_-]{16,}$/),
});

const laterSecrets = { natsPassword: true, sqlPassword: true, webhookSealKey: true } as const;
const secretsBefore = secretsSchema.partial(laterSecrets);

/** The generated secrets of one data directory. */
export type Secrets = z.infer<typeof secretsSchema>;

/** Reads a data directory's secrets, making them (mode 0600) the first time; they never change after that. */
export function loadSecrets(dataDir: string): Secrets {
  const file = join(dataDir, 'secrets.json');
  completeSecrets(file);
  const existing = readSecrets(file);
  if (existing !== undefined) return existing;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(generateSecrets(), null, 2)}\n`, { mode: 0o600 });
  try {
    // A link fails when the file exists: of two that come here together, the first decides.
    linkSync(temporary, file);
  } catch (error) {
    if (!isErrorWithCode(error, 'EEXIST')) throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
  const stored = readSecrets(file);
  if (stored === undefined) throw new Error(`${file} vanished while it was being written`);
  return stored;
}

/** Gives the secrets of an older Millrace what they lack. */
function completeSecrets(file: string): void {
  const stored = olderSecrets(file);
  if (stored === undefined) return;
  const { natsPassword, sqlPassword, webhookSealKey } = generateSecrets();
  const whole = { natsPassword, sqlPassword, webhookSealKey, ...stored };
  writeFileAtomically(file, `${JSON.stringify(whole, null, 2)}\n`);
}

function olderSecrets(file: string): z.infer<typeof secretsBefore> | undefined {
  try {
    const stored = secretsBefore.parse(JSON.parse(readFileSync(file, 'utf8')));
    const isWhole = Object.keys(laterSecrets).every((name) => name in stored);
    return isWhole ? undefined : stored;
  } catch {
    // There are none yet, they are whole, or damaged, which their reader says.
    return undefined;
  }
}

function readSecrets(file: string): Secrets | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (isErrorWithCode(error, 'ENOENT')) return undefined;
    throw error;
  }
  try {
    return secretsSchema.parse(JSON.parse(text));
  } catch (cause) {
    // Making new ones here would lock everyone out of the data, so a damaged file is left for its owner to judge.
    throw new Error(`${file} is damaged; restore it, or remove it to get new keys and passwords`, { cause });
  }
}

function generateSecrets(): Secrets {
  return {
    apiKey: `evp_${randomBytes(32).toString('base64url')}`,
    externalEventToken: randomBytes(32).toString('hex'),
    emailApiKey: randomBytes(24).toString('base64url'),
    workspaceId: uuidV7(Date.now()),
    keyPepper: randomBytes(32).toString('base64url'),
    webhookSealKey: randomBytes(32).toString('base64url'),
    serviceSecret: randomBytes(32).toString('base64url'),
    clickHousePassword: randomBytes(24).toString('base64url'),
    inspectorPassword: randomBytes(24).toString('base64url'),
    sqlPassword: randomBytes(24).toString('base64url'),
    natsPassword: randomBytes(24).toString('base64url'),
  };
}

function uuidV7(nowMs: number): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(nowMs, 0, 6);
  bytes.writeUInt8(0x70 | (bytes.readUInt8(6) & 0x0f), 6);
  bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function isErrorWithCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
