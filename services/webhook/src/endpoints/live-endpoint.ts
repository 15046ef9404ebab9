import type { ReadEvent } from '@millrace/wire';
import type { Subscriber } from '../matching/subscriptions.ts';
import type { SigningKey } from '../signing/signing-key.ts';
import type { EndpointRecord } from './endpoint-record.ts';

/** An endpoint as deliveries are made by it: what its record says, read once. It doesn't change: another is put in its place. */
export interface LiveEndpoint extends Subscriber<ReadEvent> {
  readonly record: EndpointRecord;
  /** What calls are signed with at a time, the newest first; none for targets that aren't called by HTTP. */
  signingKeys(nowMs: number): readonly SigningKey[];
}
