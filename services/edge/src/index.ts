export { createEdge, type Edge, type EdgeDeps } from './app.ts';
export { edgeConfig, type PublicConfig, publicConfig } from './config.ts';
export type { AnalyticsGateway } from './gateway/analytics.ts';
export type { AuthGateway } from './gateway/auth.ts';
export type { CredentialLookup } from './gateway/credentials.ts';
export { connectCredentials } from './gateway/credentials-connect.ts';
export type { IngestGateway } from './gateway/ingest.ts';
