/** A mail to one person. */
export interface Mail {
  /** A bare address in the form of `normalizedEmail`. */
  readonly to: string;
  readonly subject: string;
  /** Plain text; lines end with `\n`. */
  readonly text: string;
}

/** Sends mails in the background. */
export interface Mailer {
  /** Takes a mail; throws `unavailable` when no more can be taken now. */
  send(mail: Mail): void;
  /** Throws what `send` would, so that a caller can find out before it does anything else. */
  requireRoom(): void;
  /** Gives what is under way a few seconds, then drops the rest. */
  close(): Promise<void>;
}
