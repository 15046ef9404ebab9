export { createWebhook, type WebhookApp } from './app.ts';
export { type WebhookSettings, webhookConfig, webhookSettings } from './config.ts';
