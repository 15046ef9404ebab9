export { createEdge, type Edge, type EdgeDeps } from './app.ts';
export { type AnalyticsGateway, analyticsFrom } from './clients/analytics.ts';
export type { AuthGateway } from './clients/auth.ts';
export type { CredentialLookup } from './clients/credentials.ts';
export { connectCredentials } from './clients/credentials-changes.ts';
export type { IngestGateway } from './clients/ingest.ts';
export { type WebhookGateway, webhookFrom } from './clients/webhook.ts';
export { edgeConfig, type PublicConfig, publicConfig } from './config.ts';
