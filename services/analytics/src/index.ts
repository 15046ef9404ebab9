export { type AnalyticsApp, type AnalyticsBindings, createAnalytics } from './app.ts';
export { type AnalyticsSettings, analyticsConfig, analyticsSettings } from './config.ts';
export { type MigrationState, readMigrationStates } from './migrations/ledger.ts';
export { type Migrated, type MigrateOptions, migrate } from './migrations/migrate.ts';
export { type Materialized, materialize, partsWithout } from './migrations/rollups/materialize.ts';
export {
  listMutations,
  listParts,
  listRollups,
  type Part,
  type Rollup,
  type RollupTable,
} from './migrations/rollups/rollups.ts';
export { type RollupVerdict, verifyRollups } from './migrations/rollups/verify-rollups.ts';
