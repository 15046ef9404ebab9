import type { AuditEntry as AuditMessage } from '@millrace/contracts/millrace/audit/v1/audit';

/** One deed: the contract's fields, which are the table's columns. */
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

/** A message that waits to be stored. */
export interface AuditDelivery {
  readonly seq: number;
  /** Undefined when the message is no entry. */
  readonly entry: AuditEntry | undefined;
  /** It is stored. */
  confirm(): void;
  /** It can't be stored and must not come again. */
  discard(): void;
}

/** Where entries wait. */
export interface AuditReader {
  /** Waits for entries; none once the signal has aborted. Throws when it has failed and another one must be opened. */
  take(signal: AbortSignal): Promise<AuditDelivery[]>;
  /** Gives back what was neither confirmed nor discarded. */
  close(): Promise<void>;
}
