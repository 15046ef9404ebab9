import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '@millrace/runtime';
import { invalid } from '../../request/issues.ts';
import type { Issue } from '../../server/failure.ts';
import type { CanonicalEvent, DialectName } from '../canonical-event.ts';
import type { EventSink } from '../submit.ts';
import type { SchemaGuard } from './schema-guard.ts';

/** Issues that a refused batch lists. */
const MAX_BATCH_ISSUES = 20;
/** How long a batch may be checked before others have their turn, in milliseconds. */
const SLICE_MS = 20;

/** A sink that refuses events which violate the schema of their name; none of a refused batch is submitted. */
export function enforcingSchemas(options: {
  sink: EventSink;
  schemas: SchemaGuard;
  clock: Clock;
  countRejected: (dialect: DialectName, reason: string) => void;
}): EventSink {
  const { sink, schemas, clock, countRejected } = options;

  const check = (event: CanonicalEvent): Issue | undefined => {
    const issue = schemas.check(event);
    if (issue !== undefined) countRejected(event.dialect, 'schema');
    return issue;
  };

  const checkEach = async (events: readonly CanonicalEvent[], limit: number): Promise<Map<number, Issue>> => {
    const issues = new Map<number, Issue>();
    let turnEndsAt = clock.monotonic() + SLICE_MS;
    for (const [index, event] of events.entries()) {
      if (!schemas.covers(event)) continue;
      const issue = check(event);
      if (issue !== undefined) issues.set(index, issue);
      if (issues.size === limit) break;
      if (clock.monotonic() < turnEndsAt) continue;
      await nextTurn();
      turnEndsAt = clock.monotonic() + SLICE_MS;
    }
    return issues;
  };

  return {
    submit(event, traceparent) {
      const issue = check(event);
      return issue === undefined ? sink.submit(event, traceparent) : Promise.reject(invalid([issue]));
    },
    async submitAll(events, traceparent) {
      const issues = await checkEach(events, MAX_BATCH_ISSUES);
      if (issues.size === 0) return sink.submitAll(events, traceparent);
      throw invalid(Array.from(issues, ([index, issue]) => inBatch(issue, index, events[index]?.dialect)));
    },
    async submitEach(events, traceparent) {
      const issues = await checkEach(events, Number.POSITIVE_INFINITY);
      if (issues.size === 0) return sink.submitEach(events, traceparent);
      const rest = events.filter((_, index) => !issues.has(index));
      const outcomes = rest.length > 0 ? await sink.submitEach(rest, traceparent) : [];
      let next = 0;
      return events.map((_, index) => {
        const issue = issues.get(index);
        return issue ? { kind: 'invalid', issue } : (outcomes[next++] ?? { kind: 'unavailable' });
      });
    },
  };
}

/** Where a batch's request has the event. */
function inBatch(issue: Issue, index: number, dialect: DialectName | undefined): Issue {
  const prefix = dialect === 'email' ? [index] : ['events', index];
  return { ...issue, path: [...prefix, ...issue.path] };
}
