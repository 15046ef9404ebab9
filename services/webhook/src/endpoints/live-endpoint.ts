import { fromJson } from '@bufbuild/protobuf';
import { FilterSchema } from '@millrace/contracts/millrace/query/v1/query';
import { type Logger, type Seal, toMillraceError } from '@millrace/runtime';
import { compileEventFilter, type ReadEvent } from '@millrace/wire';
import type { Subscriber } from '../matching/subscriptions.ts';
import type { SigningKey } from '../signing/signing-key.ts';
import type { EndpointRecord } from './endpoint-record.ts';
import { openSigningKeys } from './endpoint-secrets.ts';

/** An endpoint as deliveries are made by it: what its record says, read once. It doesn't change: another is put in its place. */
export interface LiveEndpoint extends Subscriber<ReadEvent> {
  readonly record: EndpointRecord;
  /** What calls are signed with at a time, the newest first; none for targets that aren't called by HTTP. */
  signingKeys(nowMs: number): readonly SigningKey[];
}

/** Reads endpoints from their records; undefined for one that makes no sense to this release, which is left alone. */
export function createLiveEndpoints(options: {
  seal: Seal;
  log: Logger;
}): (record: EndpointRecord) => LiveEndpoint | undefined {
  const { seal, log } = options;
  return (record) => {
    const { id, workspaceId, events, filter, target } = record;
    try {
      return {
        ...{ id, workspaceId, events, record },
        accepts: filter === undefined ? () => true : compileEventFilter(fromJson(FilterSchema, filter)),
        signingKeys: target.kind === 'http' ? openSigningKeys(seal, { id, target }, log) : () => [],
      };
    } catch (error) {
      log.error(
        { err: toMillraceError(error), endpointId: id },
        'an endpoint can not be read and is left alone',
      );
      return undefined;
    }
  };
}
