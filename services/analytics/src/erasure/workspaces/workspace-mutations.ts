import { fromBinary } from '@bufbuild/protobuf';
import { DeadLetterSchema } from '@millrace/contracts/millrace/ingest/v1/ingest';
import { type ClickHouseClient, loadSql } from '@millrace/stores';
import { workspaceField } from '../erasure-store.ts';
import { createMutations, type Mutations } from '../mutations.ts';

/** Which workspace, and its events up to where: nobody but the writer may move a shard's newest row. */
export interface WorkspaceTarget {
  readonly workspaceId: string;
  readonly throughSeq: number;
}

const load = (name: string) => loadSql(import.meta.url, `queries/${name}.sql`);

/** Everything that ClickHouse holds of a workspace. */
const STATEMENTS = new Map([
  ['dead_letter_changes', load('delete-dead-letter-changes')],
  ['dead_letters', load('delete-dead-letters')],
  ['webhook_attempts', load('delete-webhook-attempts')],
  ['audit_log', load('delete-audit-log')],
  ['events', load('delete-events')],
]);
const REMAINING = load('remaining');

/** Deletes what ClickHouse holds of workspaces. */
export function createWorkspaceMutations(client: ClickHouseClient): Mutations<WorkspaceTarget> {
  return createMutations({
    client,
    statements: STATEMENTS,
    remaining: REMAINING,
    paramsOf: (targets: readonly WorkspaceTarget[]) => ({
      workspaceIds: targets.map(({ workspaceId }) => workspaceId),
      seqs: targets.map(({ throughSeq }) => throughSeq),
      workspaceFields: targets.map((target) => workspaceField(target).toString('hex')),
    }),
  });
}

/** A check for messages of the stream `DEAD_LETTERS`, the same that the table's rows undergo. */
export function deadLettersOfWorkspace(workspaceId: string): (message: Buffer) => boolean {
  const field = workspaceField({ workspaceId });
  return (message) => {
    const letter = fromBinary(DeadLetterSchema, message);
    return Buffer.from(letter.body.buffer, letter.body.byteOffset, letter.body.byteLength).includes(field);
  };
}
