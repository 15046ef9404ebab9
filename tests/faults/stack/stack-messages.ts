import type { Connection } from '@millrace/embedded';

/** What a stack process is started with, as JSON in its first argument. */
export interface StackProcessOptions {
  readonly dataDir: string;
  readonly port: number;
  readonly adminPort: number;
  readonly split: boolean;
  /** Empty for none. */
  readonly redisUrl: string;
  /** Of the services alone, over what the stack wires. */
  readonly serviceEnv: Readonly<Record<string, string>>;
  /** Writers beside the one that the split topology has. */
  readonly extraWriters: number;
}

/** What a stack process tells. */
export type StackReport =
  | { readonly kind: 'addresses'; readonly natsPort: number; readonly clickHousePort: number }
  | { readonly kind: 'ready'; readonly connection: Connection }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'log'; readonly line: string };
