export { CREDENTIAL_CHANGED_SUBJECT } from './announce-changes.ts';
export { type Auth, createAuth } from './app.ts';
export { type AuthConfig, authConfig, authServiceConfig } from './config.ts';
export type { Grant, Verdict } from './verify.ts';
