import type { Timestamp } from '@bufbuild/protobuf/wkt';
import { isoTime } from '@millrace/runtime';
import { z } from 'zod';
import { instant } from '../request/response.ts';

/** How far a job is that deletes events, whatever it deletes. */
interface DeletionJob {
  readonly createdAt?: Timestamp | undefined;
  readonly startedAt?: Timestamp | undefined;
  readonly finishedAt?: Timestamp | undefined;
  readonly progress: number;
  readonly error: string;
  readonly streamClearedAt?: Timestamp | undefined;
}

/** The members of a job that say how far it is. */
export const deletionJobFields = {
  createdAt: instant(),
  startedAt: instant().nullable(),
  finishedAt: instant().nullable(),
  progress: z.number().min(0).max(1),
  error: z.string().nullable(),
  streamClearedAt: instant().nullable().describe('When the stream had dropped the last of the events'),
};

/** Of a job that was just asked for. */
export const PENDING_EXAMPLE = {
  status: 'pending',
  createdAt: '2024-01-30T12:34:56.789Z',
  startedAt: null,
  finishedAt: null,
  progress: 0,
  error: null,
  streamClearedAt: null,
} as const;

/** How far a job is, as JSON. */
export function deletionJobJson(job: DeletionJob) {
  return {
    createdAt: isoTime(job.createdAt) ?? '',
    startedAt: isoTime(job.startedAt) ?? null,
    finishedAt: isoTime(job.finishedAt) ?? null,
    progress: job.progress,
    error: job.error || null,
    streamClearedAt: isoTime(job.streamClearedAt) ?? null,
  };
}
