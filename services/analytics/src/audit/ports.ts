import type { AuditEntry as AuditMessage } from '@millrace/contracts/millrace/audit/v1/audit';

/** One entry: the contract's fields, which are the table's columns. */
export type AuditEntry = Readonly<Omit<AuditMessage, '$typeName' | '$unknown'>>;

/** What is asked of the log. Empty texts don't narrow it. */
export interface AuditQuestion {
  readonly workspaceId: string;
  readonly action: string;
  readonly actorUserId: string;
  readonly targetId: string;
  /** Milliseconds since 1970; at or after. */
  readonly fromMs: number;
  /** Milliseconds since 1970; before. */
  readonly toMs: number;
  /** Only entries that come after this one in the order of the answer. */
  readonly behind: AuditPosition;
  readonly limit: number;
}

/** An entry's place in the log, which is ordered by time and then by id. */
export interface AuditPosition {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly id: string;
}

/** The table `audit_log`. Calls throw MillraceError `unavailable` when the store doesn't answer in time. */
export interface AuditTable {
  /** Resolves when the entries are stored; repeating it changes no answer. */
  insert(entries: readonly AuditEntry[]): Promise<void>;
  /** Newest first, each entry once. */
  list(question: AuditQuestion, signal: AbortSignal): Promise<AuditEntry[]>;
}
