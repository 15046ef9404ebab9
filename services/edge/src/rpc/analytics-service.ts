import type { ServiceImpl } from '@connectrpc/connect';
import type { AnalyticsService } from '@millrace/contracts/millrace/api/v1/analytics';
import { MillraceError } from '@millrace/runtime';
import type { Questions } from '../clients/analytics.ts';
import { callerOf } from './gate.ts';

/** `millrace.api.v1.AnalyticsService`: the caller's workspace, and what the service says. */
export function createAnalyticsService(questions: Questions): ServiceImpl<typeof AnalyticsService> {
  return {
    async query({ query }, context) {
      const { workspaceId } = callerOf(context);
      const request = query === undefined ? { workspaceId } : { workspaceId, query };
      const { answer } = await questions.runQuery(request, context.signal);
      if (answer.case !== 'table') throw new MillraceError('internal', 'an answer without a table');
      return { table: answer.value };
    },
    async listEvents(request, context) {
      const { workspaceId } = callerOf(context);
      return (await questions.listEvents({ workspaceId, request }, context.signal)).response ?? {};
    },
    async getEvent({ id }, context) {
      const { workspaceId } = callerOf(context);
      const { event } = await questions.getEvent({ workspaceId, id }, context.signal);
      return event === undefined ? {} : { event };
    },
    async listFieldNames(request, context) {
      const { workspaceId } = callerOf(context);
      return (await questions.listFieldNames({ workspaceId, request }, context.signal)).response ?? {};
    },
    async listFieldValues(request, context) {
      const { workspaceId } = callerOf(context);
      return (await questions.listFieldValues({ workspaceId, request }, context.signal)).response ?? {};
    },
  };
}
