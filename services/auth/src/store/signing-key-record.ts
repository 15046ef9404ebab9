import { z } from 'zod';

/** A key pair that signs sessions, as it is stored under its `kid`. */
export const signingKeyRecord = z.object({
  kid: z.string(),
  /** The public JWK. */
  publicJwk: z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string() }),
  /** The private JWK, sealed with a key that comes from the pepper: what is stored signs nothing by itself. */
  sealedPrivateJwk: z.string(),
  createdAtMs: z.number(),
  /** When it began or begins to sign; every replica and every reader of the key set has heard of it by then. */
  signsFromMs: z.number(),
});

/** What `signingKeyRecord` yields. */
export type SigningKeyRecord = Readonly<z.output<typeof signingKeyRecord>>;
