export { type AnalyticsApp, createAnalytics } from './app.ts';
export { type AnalyticsSettings, analyticsConfig, analyticsSettings } from './config.ts';
export { migrate } from './migrations/migrate.ts';
