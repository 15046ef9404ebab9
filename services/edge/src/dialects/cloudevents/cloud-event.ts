import { z } from 'zod';
import type { CanonicalEvent } from '../../ingest/canonical-event.ts';
import type { DecodeContext } from '../../ingest/decode-context.ts';
import { toIssues } from '../../request/issues.ts';
import { timestamp } from '../../request/json-types.ts';
import type { Issue } from '../../server/failure.ts';

/** Beyond the printable characters that RFC 3986 allows, only whole percent triplets. */
const URI_CHARS = String.raw`(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+`;
const URI_REFERENCE = new RegExp(`^${URI_CHARS}$`);
const URI = new RegExp(`^[A-Za-z][A-Za-z0-9+.-]*:${URI_CHARS}$`);
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const MEDIA_TYPE = new RegExp(`^${TOKEN}/${TOKEN}(?:\\s*;.*)?$`);
/** What the type String of CloudEvents may not hold; surrogates are refused with the body. */
const FORBIDDEN = /\p{Cc}|\p{Noncharacter_Code_Point}/u;

const EXTENSION_NAME = /^[a-z0-9]{1,20}$/;
const MAX_EXTENSIONS = 64;

const text = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .refine((value) => !FORBIDDEN.test(value), 'Control characters are not allowed');

const INT32_MAX = 2 ** 31;
const extension = z.union(
  [
    text(4096),
    z.boolean(),
    z
      .number()
      .refine((n) => Number.isInteger(n) && n >= -INT32_MAX && n < INT32_MAX)
      .meta({ type: 'integer' }),
  ],
  'Expected a string, a boolean or a 32-bit integer',
);

const EXAMPLE = {
  specversion: '1.0',
  id: 'A234-1234-1234',
  source: '/mycontext',
  type: 'com.example.someevent',
  datacontenttype: 'application/json',
  data: { appinfoA: 'abc' },
};

/** A CloudEvent 1.0 in the JSON format; the attributes of the binary mode are put into the same form. */
export const cloudEventSchema = z
  .object({
    specversion: z.literal('1.0', 'Expected "1.0"'),
    id: text(256).describe('Unique among the events of a source'),
    source: z
      .string()
      .min(1)
      .max(1024)
      .regex(URI_REFERENCE, 'Expected a URI reference')
      .meta({ format: 'uri-reference', description: 'Where it happened' }),
    type: text(255).describe('What happened'),
    time: timestamp().optional(),
    subject: text(1024).optional(),
    dataschema: z.string().max(1024).regex(URI, 'Expected a URI').meta({ format: 'uri' }).optional(),
    datacontenttype: z.string().max(255).regex(MEDIA_TYPE, 'Expected a media type').optional(),
    data: z.unknown().describe('Stored byte for byte').optional(),
    data_base64: z.base64('Expected base64').optional(),
  })
  .catchall(extension)
  .meta({
    id: 'CloudEvent',
    description: 'A CloudEvent; further members are extension attributes',
    examples: [EXAMPLE],
  });

/** A checked CloudEvent. */
export type CloudEvent = z.output<typeof cloudEventSchema>;

const CORE_NAMES = new Set(Object.keys(cloudEventSchema.shape));

/** A checked CloudEvent, beside its members as they came. */
export interface CheckedCloudEvent {
  readonly event: CloudEvent;
  readonly members: Readonly<Record<string, unknown>>;
}

/** Checks attributes and data; the issues' paths are attribute names. Null is as good as absent, except as data. */
export function checkCloudEvent(
  input: Readonly<Record<string, unknown>>,
): CheckedCloudEvent | { readonly issues: readonly Issue[] } {
  const given = Object.entries(input).filter(([name, value]) => value !== null || name === 'data');
  const extensions = given.flatMap(([name]) => (CORE_NAMES.has(name) ? [] : [name]));
  const badName = extensions.find((name) => !EXTENSION_NAME.test(name));
  if (badName !== undefined)
    return issue([badName.slice(0, 64)], 'An attribute name has 1 to 20 of a-z and 0-9');
  if (extensions.length > MAX_EXTENSIONS) return issue([], `At most ${MAX_EXTENSIONS} extension attributes`);
  const members = Object.fromEntries(given);
  const parsed = cloudEventSchema.safeParse(members);
  if (!parsed.success) return { issues: toIssues(parsed.error, members) };
  if ('data' in members && 'data_base64' in members) return issue(['data_base64'], 'Not beside data');
  return { event: parsed.data, members };
}

function issue(path: Issue['path'], message: string): { issues: readonly Issue[] } {
  return { issues: [{ code: 'custom', path, message }] };
}

/** The members that have a field of their own; the others go into the metadata, under their own names. */
const MAPPED = new Set(['id', 'source', 'type', 'data', 'data_base64']);

/** A CloudEvent as a canonical event; `data` is its JSON text, undefined where it has none. */
export function toEvent(
  { event: cloud, members }: CheckedCloudEvent,
  data: string | undefined,
  context: DecodeContext,
): CanonicalEvent {
  const payload =
    cloud.data_base64 === undefined ? (data ?? 'null') : JSON.stringify({ data_base64: cloud.data_base64 });
  return {
    workspaceId: context.workspaceId,
    eventId: cloud.id,
    eventType: cloud.type,
    dialect: 'cloudevents',
    source: cloud.source,
    userId: '',
    sessionId: '',
    occurredAtMs: cloud.time ?? context.receivedAtMs,
    receivedAtMs: context.receivedAtMs,
    priority: 1,
    labels: [],
    payload,
    metadata: JSON.stringify(metadataOf(members)),
    traceId: context.traceId,
    identity: {
      scope: 'cloudevents',
      // A URI reference holds no space, so no two pairs read the same.
      id: `${cloud.source} ${cloud.id}`,
      // Extensions are left out: a hop may set its own, for example traceparent, on what is still the same event.
      content: `${cloud.type}\0${cloud.time ?? ''}\0${cloud.subject ?? ''}\0${payload}`,
    },
  };
}

function metadataOf(members: CheckedCloudEvent['members']): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([name]) => !MAPPED.has(name)));
}
