import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs, durationMs } from '@bufbuild/protobuf/wkt';
import {
  DisabledReason,
  type Endpoint,
  EndpointSchema,
  NamedRetryPolicy,
  type RetryPolicy,
  type RetryPolicySchema,
} from '@millrace/contracts/millrace/api/v1/webhook';
import { isoTime } from '@millrace/runtime';
import { z } from 'zod';
import { boundedText, wholeNumber } from '../../request/json-types.ts';
import { codeIn, instant } from '../../request/response.ts';
import { fromFilter } from '../query/from-filter.ts';
import { filterSchema } from '../query/schema.ts';
import { toFilter } from '../query/to-query.ts';

const MAX_PATTERNS = 50;
const MIN_RATE = 0.001;
const MAX_RATE = 10_000;
const MAX_DELAYS = 20;
const MAX_DELAY_SECONDS = 86_400;

const pattern = boundedText(1, 255);

// The length comes first: a body of a megabyte would otherwise be described element by element.
const events = z
  .array(z.unknown())
  .min(1)
  .max(MAX_PATTERNS)
  .pipe(z.array(pattern))
  .meta({ items: { type: 'string', minLength: 1, maxLength: 255 } })
  .describe('Event types: exact, `prefix.*` or `*`');

const delays = z
  .array(z.unknown())
  .max(MAX_DELAYS)
  .pipe(z.array(z.number().min(0).max(MAX_DELAY_SECONDS)))
  .meta({ items: { type: 'number', minimum: 0, maximum: MAX_DELAY_SECONDS } })
  .describe('Seconds before each attempt after the first; none for a single attempt');

const RETRY_NAMES = ['fast', 'standard'] as const;
const retryPolicy = z
  .union([z.enum(RETRY_NAMES), z.strictObject({ delays })], {
    error: `must be "fast", "standard" or {"delays":[…]} with at most ${MAX_DELAYS} times of 0 to ${MAX_DELAY_SECONDS} seconds`,
  })
  .describe('`fast` is three attempts within three seconds, `standard` eight within about 28 hours');

/** What a new endpoint may have, whatever its target. */
export const newEndpointFields = {
  events,
  description: boundedText(0, 500).optional(),
  isActive: z.boolean().describe('Whether events are delivered; true when absent').optional(),
  filter: filterSchema.nullable().describe('What else an event must meet; null for nothing').optional(),
  rateLimit: z
    .number()
    .min(MIN_RATE)
    .max(MAX_RATE)
    .nullable()
    .describe('Attempts begun a second, at most; null for no limit')
    .optional(),
  maxInFlight: wholeNumber(1, 100).describe('Attempts under way at once; 10 when absent').optional(),
  ordered: z.boolean().describe('One at a time, in the order of the stream').optional(),
  retryPolicy: retryPolicy.optional(),
};

/** What may be another way about one. */
export const endpointChanges = { ...newEndpointFields, events: events.optional() };

type EndpointChanges = z.output<z.ZodObject<typeof endpointChanges>>;

const DISABLED = {
  [DisabledReason.UNSPECIFIED]: 'unknown',
  [DisabledReason.OWNER]: 'owner',
  [DisabledReason.GONE]: 'gone',
  [DisabledReason.FAILING]: 'failing',
} as const satisfies Record<DisabledReason, string>;

/** What answers say of an endpoint, whatever its target. */
export const endpointFields = {
  events: z.array(z.string()),
  description: z.string(),
  isActive: z.boolean(),
  filter: filterSchema.nullable(),
  rateLimit: z.number().nullable(),
  maxInFlight: z.int(),
  ordered: z.boolean(),
  retryPolicy: z.union([z.enum(RETRY_NAMES), z.strictObject({ delays: z.array(z.number()) })]),
  disabledReason: codeIn(DISABLED)
    .nullable()
    .describe('`owner` stopped it, it was `gone` (410), or was `failing` for 5 days'),
  failingSince: instant().nullable().describe('Since when nothing has succeeded'),
  createdAt: instant().nullable(),
  updatedAt: instant().nullable(),
};

/** Every field of `endpointFields`, of an endpoint. */
export function endpointJson(endpoint: Endpoint): z.output<z.ZodObject<typeof endpointFields>> {
  const { filter, active = false, disabledReason } = endpoint;
  return {
    events: endpoint.events,
    description: endpoint.description,
    isActive: active,
    filter: filter === undefined ? null : fromFilter(filter),
    rateLimit: endpoint.rateLimit || null,
    maxInFlight: endpoint.maxInFlight,
    ordered: endpoint.ordered,
    retryPolicy: retryPolicyJson(endpoint.retryPolicy),
    disabledReason: active ? null : DISABLED[disabledReason],
    failingSince: isoTime(endpoint.failingSince),
    createdAt: isoTime(endpoint.createdAt),
    updatedAt: isoTime(endpoint.updatedAt),
  };
}

/** What a body says of an endpoint and its target, in the contract's terms. */
export function toEndpoint(
  body: EndpointChanges,
  own: { readonly id?: string; readonly target?: Endpoint['target'] },
): Endpoint {
  const { events, description, isActive, filter, rateLimit, maxInFlight, ordered, retryPolicy } = body;
  return create(EndpointSchema, {
    ...own,
    ...(events && { events }),
    ...(description !== undefined && { description }),
    ...(isActive !== undefined && { active: isActive }),
    ...(filter && { filter: toFilter(filter) }),
    rateLimit: rateLimit ?? 0,
    ...(maxInFlight !== undefined && { maxInFlight }),
    ...(ordered !== undefined && { ordered }),
    ...(retryPolicy !== undefined && { retryPolicy: toRetryPolicy(retryPolicy) }),
  });
}

const CONTRACT_NAMES = {
  events: 'events',
  description: 'description',
  isActive: 'active',
  filter: 'filter',
  rateLimit: 'rate_limit',
  maxInFlight: 'max_in_flight',
  ordered: 'ordered',
  retryPolicy: 'retry_policy',
} as const satisfies Record<keyof EndpointChanges, string>;

/** Which of an endpoint's fields a body changes, by the contract's names. */
export function changedFields(body: EndpointChanges): string[] {
  return Object.entries(CONTRACT_NAMES).flatMap(([name, field]) =>
    body[name as keyof EndpointChanges] === undefined ? [] : [field],
  );
}

function toRetryPolicy(
  json: NonNullable<EndpointChanges['retryPolicy']>,
): MessageInitShape<typeof RetryPolicySchema> {
  switch (json) {
    case 'fast':
      return { schedule: { case: 'named', value: NamedRetryPolicy.FAST } };
    case 'standard':
      return { schedule: { case: 'named', value: NamedRetryPolicy.STANDARD } };
    default:
      return { schedule: { case: 'custom', value: { delays: json.delays.map(toDuration) } } };
  }
}

function retryPolicyJson(policy: RetryPolicy | undefined): 'fast' | 'standard' | { delays: number[] } {
  const { schedule } = policy ?? {};
  if (schedule?.case === 'custom')
    return { delays: schedule.value.delays.map((delay) => durationMs(delay) / 1_000) };
  return schedule?.value === NamedRetryPolicy.STANDARD ? 'standard' : 'fast';
}

function toDuration(seconds: number) {
  return durationFromMs(Math.round(seconds * 1_000));
}
