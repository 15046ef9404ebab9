import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomically } from './atomic-file.ts';

const connectionSchema = z.object({
  /** REST, Connect and gRPC. */
  url: z.url(),
  /** Metrics and probes of the edge, or of the one process. */
  adminUrl: z.url(),
  mode: z.enum(['standalone', 'split']),
  workspaceId: z.string(),
  credentials: z.object({
    /** Has every permission. */
    apiKey: z.string(),
    bearerToken: z.string(),
    emailApiKey: z.string(),
    externalEventToken: z.string(),
    ownerEmail: z.string(),
  }),
  /** The user may read every table. */
  clickhouse: z.object({
    url: z.url(),
    database: z.string(),
    username: z.string(),
    password: z.string(),
  }),
  nats: z.object({ url: z.string(), username: z.string(), password: z.string() }),
  redis: z.object({ url: z.string().nullable() }),
  processes: z.array(z.object({ name: z.string(), pid: z.int() })),
});

/** How to reach a running stack: the content of `<data>/connection.json`. */
export type Connection = z.infer<typeof connectionSchema>;

/** Publishes how to reach a stack; readers see the old file or the new one. */
export function writeConnection(dataDir: string, connection: Connection): void {
  writeFileAtomically(connectionFile(dataDir), `${JSON.stringify(connection, null, 2)}\n`);
}

/** Reads how to reach the stack on a data directory; undefined when none is ready. */
export function readConnection(dataDir: string): Connection | undefined {
  try {
    return connectionSchema.parse(JSON.parse(readFileSync(connectionFile(dataDir), 'utf8')));
  } catch {
    return undefined;
  }
}

/** Takes back what {@link writeConnection} published. */
export function removeConnection(dataDir: string): void {
  rmSync(connectionFile(dataDir), { force: true });
}

function connectionFile(dataDir: string): string {
  return join(dataDir, 'connection.json');
}
