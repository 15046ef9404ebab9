import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ActorSchema } from '@millrace/contracts/millrace/auth/v1/actor';
import type { Grant } from '../clients/credentials.ts';
import type { Exchange } from '../server/exchange.ts';

/** Who asks for a change: for the rules that bound it, and for the audit log. Without a grant, somebody not signed in. */
export function actorOf(
  exchange: Pick<Exchange, 'clientAddress' | 'requestId'>,
  grant?: Grant,
): MessageInitShape<typeof ActorSchema> {
  return {
    userId: grant?.userId ?? '',
    credentialId: grant?.credentialId ?? '',
    permissions: grant ? [...grant.permissions] : [],
    ipAddress: exchange.clientAddress(),
    requestId: exchange.requestId,
  };
}

/** Who asks for something that the edge itself writes into the audit log, by whatever API. */
export interface Requester {
  readonly grant: Grant;
  readonly exchange: Pick<Exchange, 'clientAddress' | 'requestId'>;
}

/** Who has made a change, for an entry that the edge itself writes into the audit log. */
export function auditActor(
  exchange: Pick<Exchange, 'clientAddress' | 'requestId'>,
  { userId, credentialId }: Grant,
) {
  return { userId, credentialId, ipAddress: exchange.clientAddress(), requestId: exchange.requestId };
}
