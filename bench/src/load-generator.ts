import type { LoadReport, LoadSpec } from './load/generator.ts';
import { runLoad } from './load/run-load.ts';

// The process that makes the load: its parent sends what to do and hears what came of it.

const tell = (report: LoadReport) => process.send?.(report);

process.on('message', (spec: LoadSpec) => {
  runLoad(spec, () => tell({ kind: 'measuring' })).then(
    (result) => tell({ kind: 'done', result }),
    (error: unknown) =>
      tell({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
