import { analyticsConfig } from '@millrace/analytics';
import { authServiceConfig } from '@millrace/auth';
import { edgeConfig } from '@millrace/edge';
import { ingestConfig } from '@millrace/ingest';
import { standaloneConfig } from '@millrace/standalone/config';
import { webhookConfig } from '@millrace/webhook';
import { z } from 'zod';

const services = {
  standalone: standaloneConfig,
  edge: edgeConfig,
  auth: authServiceConfig,
  ingest: ingestConfig,
  analytics: analyticsConfig,
  webhook: webhookConfig,
} as const;

/** What the table says of a setting. */
interface Setting {
  readonly meaning: string;
  readonly fallback: string;
  readonly readBy: string[];
}

/** `docs/configuration.md`, made from the schemas that read the environment. */
export function configurationPage(): string {
  const settings = new Map<string, Setting>();
  for (const [service, schema] of Object.entries(services)) {
    const { properties = {}, required = [] } = z.toJSONSchema(schema, {
      io: 'input',
      unrepresentable: 'any',
    });
    for (const [name, property] of Object.entries(properties)) {
      if (typeof property !== 'object') continue;
      const known = settings.get(name);
      if (known) {
        known.readBy.push(service);
        continue;
      }
      const choices = property.enum ? ` (${property.enum.join(', ')})` : '';
      settings.set(name, {
        meaning: `${property.description ?? ''}${choices}`,
        fallback: fallbackOf(property.default, required.includes(name)),
        readBy: [service],
      });
    }
  }
  const rows = [...settings]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, { meaning, fallback, readBy }]) => {
      const who = readBy.length === Object.keys(services).length ? 'all' : readBy.join(', ');
      return `| \`${name}\` | ${meaning} | ${fallback} | ${who} |`;
    });
  return `# Configuration

Settings are environment variables, the same for every service. A process reads them once, at its start, and lists every problem at once;
\`--check-config\` prints what it read and exits. An empty variable counts as unset. The remaining \`OTEL_*\` variables are read by OpenTelemetry's SDK.

This page is made from the schemas: \`pnpm generate\`.

| variable | meaning | default | read by |
|---|---|---|---|
${rows.join('\n')}
`;
}

function fallbackOf(value: unknown, isRequired: boolean): string {
  if (value === undefined) return isRequired ? '**required**' : 'unset';
  return value === '' ? 'empty' : `\`${String(value)}\``;
}
