import { create } from '@bufbuild/protobuf';
import {
  type Endpoint,
  type HttpTarget,
  HttpTargetSchema,
  type RotateEndpointSecretResponse,
  SignatureScheme,
} from '@millrace/contracts/millrace/api/v1/webhook';
import { isoTime } from '@millrace/runtime';
import { z } from 'zod';
import { boundedText } from '../../request/json-types.ts';
import { codeIn, instant } from '../../request/response.ts';
import {
  changedFields,
  endpointChanges,
  endpointFields,
  endpointJson,
  newEndpointFields,
  toEndpoint,
} from './endpoint-json.ts';

const MAX_HEADERS = 20;
const MAX_HEADER_CHARS = 1_024;

const SIGNATURES = { 'hmac-sha256': SignatureScheme.HMAC_SHA256, ed25519: SignatureScheme.ED25519 } as const;
const SIGNATURE_NAMES = ['hmac-sha256', 'ed25519'] as const;
const SIGNATURES_SHOWN = {
  [SignatureScheme.UNSPECIFIED]: 'hmac-sha256',
  [SignatureScheme.HMAC_SHA256]: 'hmac-sha256',
  [SignatureScheme.ED25519]: 'ed25519',
} as const satisfies Record<SignatureScheme, keyof typeof SIGNATURES>;

// The number comes first: a body of a megabyte would otherwise be described member by member.
const headers = z
  .record(z.string(), z.unknown())
  .refine((given) => Object.keys(given).length <= MAX_HEADERS, `must have at most ${MAX_HEADERS} headers`)
  .pipe(z.record(z.string(), boundedText(0, MAX_HEADER_CHARS)))
  .meta({ additionalProperties: { type: 'string', maxLength: MAX_HEADER_CHARS }, maxProperties: MAX_HEADERS })
  .describe('Sent with every call');

/** What a target that is called by HTTP has. */
export const httpTargetFields = {
  url: boundedText(1, 2_048).describe('http or https'),
  headers: headers.optional(),
  signature: z
    .enum(SIGNATURE_NAMES, { error: `must be one of ${SIGNATURE_NAMES.join(', ')}` })
    .describe('How calls are signed, as Standard Webhooks has it; `hmac-sha256` when absent')
    .optional(),
};

/** What may be another way about one. */
export const httpTargetChanges = { ...httpTargetFields, url: httpTargetFields.url.optional() };

type HttpTargetChanges = z.output<z.ZodObject<typeof httpTargetChanges>>;

/** What answers say of one. */
export const shownHttpTarget = {
  url: z.string(),
  headers: z.record(z.string(), z.string()),
  signature: codeIn(SIGNATURES_SHOWN),
  publicKey: z.string().nullable().describe('`whpk_…`, with `ed25519`: to verify with'),
};

/** Every field of `shownHttpTarget`, of a target. */
export function httpTargetJson(target: HttpTarget): z.output<z.ZodObject<typeof shownHttpTarget>> {
  const { url, headers, signature, publicKey } = target;
  return { url, headers, signature: SIGNATURES_SHOWN[signature], publicKey: publicKey || null };
}

/** What a body says of a target that is called by HTTP, in the contract's terms. */
export function toHttpTarget({ url, headers, signature }: HttpTargetChanges): Endpoint['target'] {
  const value = create(HttpTargetSchema, {
    ...(url !== undefined && { url }),
    ...(headers && { headers }),
    ...(signature && { signature: SIGNATURES[signature] }),
  });
  return { case: 'http', value };
}

/** Which of its fields a body changes, by the contract's names. */
export function changedHttpFields(body: HttpTargetChanges): string[] {
  const names = ['url', 'headers', 'signature'] as const;
  return names.flatMap((name) => (body[name] === undefined ? [] : [`http.${name}`]));
}

/** Body of `POST /webhooks`. Strict, because a misspelt `filter` must not deliver everything. */
export const newWebhookBody = z
  .strictObject({ ...httpTargetFields, ...newEndpointFields })
  .meta({ id: 'NewWebhook', examples: [{ url: 'https://example.com/hooks', events: ['message.*'] }] });

/** Body of `PATCH /webhooks/:id`: what is absent stays as it is. */
export const webhookChangesBody = z
  .strictObject({ ...httpTargetChanges, ...endpointChanges })
  .refine((changes) => Object.keys(changes).length > 0, 'There must be at least one field to change')
  .meta({ id: 'WebhookChanges' });

/** An endpoint as the chatbot API shows it. */
export const webhook = z
  .strictObject({ id: z.string(), ...shownHttpTarget, ...endpointFields })
  .meta({ id: 'Webhook' });

/** A page of them. */
export const webhookList = z.array(webhook);

/** The secret that an answer shows this once. */
export const shownSecret = z
  .string()
  .describe('`whsec_…`, shown this once; absent with `ed25519`')
  .optional();

/** A new endpoint, with its secret. */
export const newWebhook = webhook.extend({ secret: shownSecret }).meta({ id: 'CreatedWebhook' });

/** A secret's successor. */
export const rotatedSecret = z
  .strictObject({
    secret: shownSecret,
    publicKey: z.string().describe('`whpk_…`, with `ed25519` only').optional(),
    previousUntil: instant().nullable().describe('Until when calls are signed with the old one, too'),
  })
  .meta({ id: 'RotatedWebhookSecret' });

/** An endpoint that is called by HTTP, as the chatbot API shows it. */
export function webhookJson(endpoint: Endpoint, target: HttpTarget): z.output<typeof webhook> {
  return { id: endpoint.id, ...httpTargetJson(target), ...endpointJson(endpoint) };
}

/** A change from a body. */
export function toWebhookChange(id: string, body: z.output<typeof webhookChangesBody>) {
  const httpFields = changedHttpFields(body);
  const target = httpFields.length === 0 ? {} : { target: toHttpTarget(body) };
  return { endpoint: toEndpoint(body, { id, ...target }), fields: [...httpFields, ...changedFields(body)] };
}

/** The successor in JSON. */
export function rotatedJson({
  secret,
  previousUntil,
}: RotateEndpointSecretResponse): z.output<typeof rotatedSecret> {
  return {
    ...(secret.startsWith('whpk_') ? { publicKey: secret } : { secret }),
    previousUntil: isoTime(previousUntil),
  };
}
