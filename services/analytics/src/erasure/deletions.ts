import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  GetDeletionRequest,
  ListDeletionsRequest,
  ListDeletionsResponseSchema,
  RequestDeletionRequest,
} from '@millrace/contracts/millrace/analytics/v1/analytics';
import { type Clock, fieldError, MillraceError } from '@millrace/runtime';
import { type ErasableEvent, followErasedUsers, type Records, type StreamErasing } from '@millrace/stores';
import { type DeletionRecord, toDeletionMessage } from './deletion-record.ts';

/** The jobs of all workspaces, each seen by its own only. Throws MillraceError. */
export interface Deletions {
  request(request: RequestDeletionRequest): Promise<DeletionRecord>;
  get(request: GetDeletionRequest): DeletionRecord;
  list(request: ListDeletionsRequest): MessageInitShape<typeof ListDeletionsResponseSchema>;
  /** Whether an event of the stream is a deleted user's, accepted before the deletion was asked for. */
  isErased(event: ErasableEvent): boolean;
}

const MAX_USER_ID_CHARS = 255;
const MAX_UNFINISHED = 100;
const DEFAULT_PAGE_JOBS = 100;
const MAX_PAGE_JOBS = 500;

/** Makes the use cases over the records, which a worker moves on. */
export function createDeletions(options: {
  records: Records<DeletionRecord>;
  stream: Pick<StreamErasing, 'lastSeq'>;
  clock: Clock;
  newId: (nowMs: number) => string;
}): Deletions {
  const { records, stream, clock, newId } = options;
  const { isErased } = followErasedUsers(records);
  const ofWorkspace = (workspaceId: string): DeletionRecord[] => {
    if (workspaceId === '') throw fieldError('workspace_id', 'is required');
    return [...records.entries()]
      .map(([, { value }]) => value)
      .filter((record) => record.workspaceId === workspaceId);
  };
  return {
    async request({ workspaceId, userId }) {
      if (userId === '' || userId.length > MAX_USER_ID_CHARS)
        throw fieldError('user_id', `must have 1 to ${MAX_USER_ID_CHARS} characters`);
      const unfinished = ofWorkspace(workspaceId).filter(
        ({ status }) => status === 'pending' || status === 'running',
      );
      if (unfinished.length >= MAX_UNFINISHED) {
        const limit = `a workspace has at most ${MAX_UNFINISHED} unfinished deletions`;
        throw new MillraceError('resource_exhausted', limit);
      }
      const createdAtMs = clock.now();
      const record: DeletionRecord = {
        id: newId(createdAtMs),
        workspaceId,
        userId,
        throughSeq: await stream.lastSeq(),
        status: 'pending',
        createdAtMs,
        startedAtMs: null,
        finishedAtMs: null,
        batch: '',
        progress: 0,
        error: '',
        streamClearedAtMs: null,
      };
      const outcome = await records.create(record.id, record);
      if (outcome.kind === 'conflict') throw new MillraceError('internal', 'a new id was not unique');
      return record;
    },
    get({ workspaceId, id }) {
      const record = ofWorkspace(workspaceId).find((one) => one.id === id);
      if (record === undefined) throw new MillraceError('not_found', 'no such deletion');
      return record;
    },
    list({ workspaceId, pageSize, pageToken }) {
      if (pageSize > MAX_PAGE_JOBS) throw fieldError('page_size', `at most ${MAX_PAGE_JOBS}`);
      const limit = pageSize || DEFAULT_PAGE_JOBS;
      const before = pageToken === '' ? undefined : checkedToken(pageToken);
      // Ids begin with the time, so their order is that of the requests.
      const behind = ofWorkspace(workspaceId)
        .filter(({ id }) => before === undefined || id < before)
        .sort((a, b) => (a.id < b.id ? 1 : -1));
      const page = behind.slice(0, limit);
      return {
        deletions: page.map(toDeletionMessage),
        nextPageToken: behind.length > limit ? (page.at(-1)?.id ?? '') : '',
      };
    },
    isErased,
  };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function checkedToken(token: string): string {
  if (!UUID.test(token)) throw fieldError('page_token', 'must be the one that the last answer had');
  return token;
}
