import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The text of an example, byte for byte as its document prints it. */
export function example(path: string): string {
  return readFileSync(join(import.meta.dirname, '../examples', path), 'utf8');
}

/** An example of JSON, parsed. */
export function exampleJson(path: string): unknown {
  return JSON.parse(example(path));
}
