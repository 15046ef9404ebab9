import type { StreamedEvent } from './streamed-event.ts';

/** Why an attempt is made. */
export type DeliveryCause = 'event' | 'resend' | 'replay' | 'test';

/** One event on its way to one endpoint. */
export interface Delivery {
  /** Constant over all attempts. */
  readonly id: string;
  readonly event: StreamedEvent;
  readonly cause: DeliveryCause;
  /** The number of the next attempt, from 1. */
  attempt: number;
  /** Attempts that were made of the present schedule: a resend begins a new one. */
  tries: number;
  /** When it was attempted first, in milliseconds since 1970; 0 before. */
  createdAtMs: number;
  /** When the next attempt is due, in milliseconds since 1970; 0 for now. */
  dueAtMs: number;
  /** The sequence in the stream `RETRIES` of the message that stands for it. */
  readonly retrySeq?: number | undefined;
  /** The replay that asked for it. */
  readonly replayId?: string | undefined;
  /** Called when nothing more is attempted now: sent, given up, or left to a retry. */
  readonly onAttempted?: ((succeeded: boolean) => void) | undefined;
}

/** What a target is told of a delivery. */
export type AttemptedDelivery = Pick<Delivery, 'id' | 'event' | 'attempt' | 'cause'>;

/** What is known of a delivery that was attempted before this process had its endpoint. */
export interface KnownDelivery {
  readonly status: 'pending' | 'sent' | 'failed';
  readonly attempts: number;
  readonly createdAtMs: number;
  /** 0 when none is due. */
  readonly nextAttemptAtMs: number;
}
