import { createAccept as createReal } from '../../../../services/ingest/src/accept/accept.ts';
import { reachFailpoint } from '../failpoint.ts';

export * from '../../../../services/ingest/src/accept/accept.ts';

/** An accept that may die when all is done but the answer. */
export const createAccept: typeof createReal = (deps) => {
  const real = createReal(deps);
  return {
    async accept(items, traceparents) {
      const result = await real.accept(items, traceparents);
      reachFailpoint('before-answer');
      return result;
    },
  };
};
