import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  ListAuditEntriesRequestSchema,
  ListAuditEntriesResponse,
} from '@millrace/contracts/millrace/analytics/v1/analytics';

/** Reads the audit log. */
export interface AuditEntries {
  /** A page of a workspace's entries, newest first. Throws MillraceError `unavailable` while the store is away. */
  listAuditEntries(
    request: MessageInitShape<typeof ListAuditEntriesRequestSchema>,
  ): Promise<ListAuditEntriesResponse>;
}
