/** What takes a minute or more on two cores: begun last, it would run on while nothing is left to run beside it. */
const SLOW = [
  'services/webhook/src/engine/lanes.integration.test.ts',
  'services/webhook/src/engine/killed.integration.test.ts',
  'services/analytics/src/migrations/rollups-crash.integration.test.ts',
  'services/analytics/src/migrations/migrate-command.integration.test.ts',
  'services/analytics/src/migrations/rollups-writer-killed.integration.test.ts',
  'tests/conformance/permissions.test.ts',
  'tests/conformance/clients.test.ts',
  'tests/conformance/dead-letters.test.ts',
  'tests/conformance/dead-letters-crash.test.ts',
  'tests/conformance/stores-down.test.ts',
  'tests/conformance/questions.test.ts',
  'tests/conformance/rate-limits.test.ts',
  'tests/e2e/credential-flood.test.ts',
  'tests/e2e/keys-survive.test.ts',
  'tests/e2e/up-and-down.test.ts',
  'tests/faults/short-round-services.test.ts',
  'tests/faults/short-round-stores.test.ts',
];

/**
 * What depends on how soon things follow each other under a load of its own. Beside others a reader gets no chance to
 * be slow alone, and a bug whose window is narrow not the chance to show itself.
 */
const ALONE = ['tests/e2e/tail-load.test.ts', 'tests/faults/planted-bugs.test.ts'];

/** Which test files may run beside each other, and which one after the other when those have ended. */
export interface Schedule {
  readonly together: readonly string[];
  readonly alone: readonly string[];
}

/** Arranges test files so that the slow ones begin first; the others follow by name. */
export function schedule(files: readonly string[]): Schedule {
  const sorted = [...files].sort();
  const slow = SLOW.filter((file) => sorted.includes(file));
  const quick = sorted.filter((file) => !SLOW.includes(file) && !ALONE.includes(file));
  return { together: [...slow, ...quick], alone: sorted.filter((file) => ALONE.includes(file)) };
}

/** Every file that has a place of its own in a {@link schedule}. */
export const PLACED: readonly string[] = [...SLOW, ...ALONE];
