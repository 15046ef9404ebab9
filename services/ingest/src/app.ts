import type { GrpcServiceBinding } from '@millrace/runtime';
import type { Accept } from './accept/accept.ts';
import { createAcceptRole } from './accept/role.ts';
import { createWriterRole, type WriterRoleOptions } from './writer/role.ts';

/** Which side of the stream a process is on. */
export type IngestRole = 'accept' | 'writer' | 'both';

/** The ingest roles of a process, running. */
export interface Ingest {
  /** Present with the role accept: for calls within the process. */
  readonly accept: Accept | undefined;
  /** For a gRPC server; empty without the role accept. */
  readonly bindings: readonly GrpcServiceBinding[];
  /** Lets the batches under way end. Call it when nothing is accepted any more. */
  close(): Promise<void>;
}

/** Builds and starts what the role asks for, on a connection that stays the caller's. */
export async function createIngest(options: WriterRoleOptions & { role: IngestRole }): Promise<Ingest> {
  const { role } = options;
  const accept = role === 'writer' ? undefined : await createAcceptRole(options);
  const writer = role === 'accept' ? undefined : await createWriterRole(options);
  writer?.start();
  return {
    accept,
    bindings: accept ? [accept.binding] : [],
    async close() {
      await accept?.close();
      await writer?.close();
    },
  };
}
