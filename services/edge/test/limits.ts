import type { Clock } from '@millrace/runtime';
import { createLocalQuotas } from '@millrace/stores';
import {
  createRequestLimits,
  type LimitName,
  type RequestLimits,
} from '../src/server/limits/request-limits.ts';

const STOPPED: Clock = { now: () => 0, monotonic: () => 0 };

/** Limits in memory, without any of the installation unless told, on a clock that stands still unless given. */
export function limitsForTests(
  options: {
    workflowPerMinute?: number;
    authPerMinute?: number;
    clock?: Clock;
    countLimited?: (limit: LimitName) => void;
  } = {},
): RequestLimits {
  return createRequestLimits({
    limiter: createLocalQuotas({ clock: options.clock ?? STOPPED }),
    workflowPerMinute: options.workflowPerMinute ?? 0,
    authPerMinute: options.authPerMinute ?? 0,
    countLimited: options.countLimited ?? (() => undefined),
  });
}
