import type { ServiceImpl } from '@connectrpc/connect';
import type { AnalyticsService } from '@millrace/contracts/millrace/api/v1/analytics';
import { MillraceError } from '@millrace/runtime';
import type { Questions } from '../clients/analytics.ts';
import { callerOf } from './gate.ts';

/** `millrace.api.v1.AnalyticsService`; methods that it lacks answer `unimplemented`. */
export function createAnalyticsService(questions: Questions): Partial<ServiceImpl<typeof AnalyticsService>> {
  return {
    async query({ query }, context) {
      const { workspaceId } = callerOf(context);
      const request = query === undefined ? { workspaceId } : { workspaceId, query };
      const { answer } = await questions.runQuery(request, context.signal);
      if (answer.case !== 'table') throw new MillraceError('internal', 'an answer without a table');
      return { table: answer.value };
    },
  };
}
