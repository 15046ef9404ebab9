import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Everything that a stack has logged. */
export function logsUnder(dataDir: string): string {
  const files = globSync(['**/*.log', '**/*.log.1'], { cwd: dataDir });
  if (files.length === 0) throw new Error(`there are no logs under ${dataDir}`);
  return files.map((file) => readFileSync(join(dataDir, file), 'utf8')).join('\n');
}
