import { createWriter as createReal } from '../../../../services/ingest/src/writer/writer.ts';
import { reachFailpoint } from '../failpoint.ts';

export * from '../../../../services/ingest/src/writer/writer.ts';

/** A writer that may die at each of its named points. */
export const createWriter: typeof createReal = (deps) => createReal({ ...deps, failpoint: reachFailpoint });
