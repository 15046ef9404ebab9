import { z } from 'zod';

const secret = z.object({
  /** The signing key, sealed; its label is the endpoint's id. */
  sealed: z.string(),
  createdAtMs: z.number(),
  /** Until when it signs beside the one that replaced it. */
  untilMs: z.number().optional(),
});

const httpTarget = z.object({
  kind: z.literal('http'),
  url: z.string(),
  headers: z.record(z.string(), z.string()),
  signature: z.enum(['hmac-sha256', 'ed25519']),
  /** The newest first. */
  secrets: z.array(secret).min(1),
  /** `whpk_…` of the newest, with Ed25519. */
  publicKey: z.string().optional(),
});

const temporalTarget = z.object({
  kind: z.literal('temporal'),
  namespace: z.string(),
  taskQueue: z.string(),
  workflowType: z.string(),
  /** Empty to start a workflow for each event. */
  signal: z.string(),
  /** A path into the event; empty for the delivery's id. */
  workflowIdPath: z.string(),
});

const natsTarget = z.object({ kind: z.literal('nats'), queue: z.string() });

const retryPolicy = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('fast') }),
  z.object({ kind: z.literal('standard') }),
  z.object({ kind: z.literal('custom'), delaysMs: z.array(z.number()) }),
]);

const disabling = z.object({
  reason: z.enum(['gone', 'failing']),
  disabledAtMs: z.number(),
  /** Since when nothing had succeeded. */
  failingSinceMs: z.number(),
});

/** An endpoint as it is stored under its id. */
export const endpointRecord = z.object({
  id: z.string(),
  workspaceId: z.string(),
  target: z.discriminatedUnion('kind', [httpTarget, temporalTarget, natsTarget]),
  events: z.array(z.string()),
  /** `millrace.query.v1.Filter` as protobuf's JSON. */
  filter: z.json().optional(),
  description: z.string(),
  /** Why it isn't active; absent while it is. */
  disabled: z.enum(['owner', 'gone', 'failing']).optional(),
  /** Attempts a second; 0 for no limit. */
  rateLimit: z.number(),
  maxInFlight: z.number(),
  ordered: z.boolean(),
  retryPolicy,
  createdAtMs: z.number(),
  updatedAtMs: z.number(),
  /** When it was made active again the last time. */
  activatedAtMs: z.number().optional(),
  /** What its owners have yet to be told. */
  untold: disabling.optional(),
  /** The last sequence of the stream when it was made: it is due what follows. */
  fromSeq: z.number(),
});

/** What `endpointRecord` yields. */
export type EndpointRecord = Readonly<z.output<typeof endpointRecord>>;

/** That an endpoint was disabled, and not by its owner. */
export type Disabling = Readonly<z.output<typeof disabling>>;

/**
 * Since when nothing has succeeded, in milliseconds since 1970; 0 while it works. Whoever makes an endpoint active again has mended it:
 * what was before counts no more, whichever process has noted it.
 */
export function failingSince({ activatedAtMs = 0 }: EndpointRecord, notedMs: number): number {
  return notedMs < activatedAtMs ? 0 : notedMs;
}

/** Where an endpoint's events go. */
export type EndpointTarget = EndpointRecord['target'];

/** A target that is called by HTTP. */
export type HttpEndpointTarget = Extract<EndpointTarget, { kind: 'http' }>;

/** What a target is called by. */
export function targetAddress(target: EndpointTarget): string {
  switch (target.kind) {
    case 'http':
      return target.url;
    case 'temporal':
      return `temporal:${target.namespace}/${target.workflowType}`;
    case 'nats':
      return `nats:${target.queue}`;
  }
}
