/** Settings of Millrace, and of the libraries in it, that a developer's shell may hold. */
const SETTING =
  /^(MILLRACE_ENV|HOST|PORT|ADMIN_PORT|LOG_LEVEL|CORS_ORIGINS|TRUSTED_PROXIES|(WORKFLOW|AUTH)_RATE_LIMIT_PER_MINUTE|STARTUP_TIMEOUT_SECONDS|REDIS_.*|NATS_.*|GRPC_.*|CLICKHOUSE_(URL|USER|PASSWORD|DATABASE|CLUSTER|TLS_.*)|COMPOZY_API_TOKEN|EMAIL_.*|ANALYTICS_.*|SMTP_URL|MAIL_FROM|SIGN_UP|JWT_.*|KEY_PEPPER|SERVICE_SECRET|BOOTSTRAP_.*|WEBHOOK_.*|TEMPORAL_.*|OTEL_.*|NODE_TEST_CONTEXT)$/;

/** This process's environment without any setting of Millrace, so that a test decides about all of them. */
export function hermeticEnvironment(overrides: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !SETTING.test(name));
  return { ...Object.fromEntries(kept), ...overrides };
}
