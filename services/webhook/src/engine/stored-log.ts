import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import type { DeliveryService } from '@millrace/contracts/millrace/analytics/v1/delivery';
import { DeliveryStatus } from '@millrace/contracts/millrace/api/v1/webhook';
import { MillraceError, type ServiceMethods } from '@millrace/runtime';
import { isFurther, type Position } from '@millrace/wire';
import type { KnownDelivery } from './delivery.ts';
import type { StoredLog } from './ports.ts';

const TIMEOUT_MS = 30_000;
const PAGE = 10_000;
/** Where only a short span is asked for. */
const SHORT_PAGE = 1_000;

const STATUS = new Map<DeliveryStatus, KnownDelivery['status']>([
  [DeliveryStatus.PENDING, 'pending'],
  [DeliveryStatus.SENT, 'sent'],
  [DeliveryStatus.FAILED, 'failed'],
]);

/** Asks analytics for what is stored. */
export function storedLogFrom(
  methods: Pick<
    ServiceMethods<typeof DeliveryService>,
    'readStoredEvents' | 'listPlacedDeliveries' | 'getDelivery'
  >,
): StoredLog {
  const placedDeliveries: StoredLog['placedDeliveries'] = async (span, signal) => {
    const { id: endpointId, workspaceId } = span.endpoint;
    const { deliveries } = await methods.listPlacedDeliveries(
      {
        ...{ workspaceId, endpointId, pageSize: span.pageSize },
        ...afterOf(span.after),
        ...(span.failedOnly && { status: DeliveryStatus.FAILED }),
        ...(span.receivedFromMs !== undefined && { receivedFrom: timestampFromMs(span.receivedFromMs) }),
      },
      { timeoutMs: TIMEOUT_MS, signal },
    );
    return deliveries.map((one) => ({
      id: one.id,
      position: { seq: Number(one.seq), index: one.index },
      status: STATUS.get(one.status) ?? 'failed',
      attempts: one.attemptCount,
      createdAtMs: one.createdAt === undefined ? 0 : timestampMs(one.createdAt),
      nextAttemptAtMs: one.nextAttemptAt === undefined ? 0 : timestampMs(one.nextAttemptAt),
    }));
  };
  return {
    placedDeliveries,
    async readEvents({ workspaceId, after, toSeq, receivedFromMs, maxEvents = 0 }, signal) {
      const { events, more } = await methods.readStoredEvents(
        {
          workspaceId,
          ...afterOf(after),
          toSeq: BigInt(toSeq),
          maxEvents,
          ...(receivedFromMs !== undefined && { receivedFrom: timestampFromMs(receivedFromMs) }),
        },
        { timeoutMs: TIMEOUT_MS, signal },
      );
      return {
        events: events.map(({ seq, index, event }) => ({
          position: { seq: Number(seq), index },
          bytes: Buffer.from(event),
        })),
        more,
      };
    },
    async attemptsOf({ id, workspaceId }) {
      try {
        const { delivery } = await methods.getDelivery({ workspaceId, id }, { timeoutMs: TIMEOUT_MS });
        return delivery?.attemptCount ?? 0;
      } catch (error) {
        if (error instanceof MillraceError && error.code === 'not_found') return 0;
        throw error;
      }
    },
    async knownDeliveries({ endpoint, after: first, through }, signal) {
      const known = new Map<string, KnownDelivery>();
      const pageSize = through === undefined ? PAGE : SHORT_PAGE;
      for (let after = first; ; ) {
        const page = await placedDeliveries({ endpoint, after, pageSize }, signal);
        for (const one of page) known.set(one.id, one);
        const last = page.at(-1)?.position;
        if (last === undefined || page.length < pageSize) return known;
        if (through !== undefined && isFurther(last, through)) return known;
        after = last;
      }
    },
  };
}

function afterOf({ seq, index }: Position) {
  return { afterSeq: BigInt(seq), afterIndex: index };
}
