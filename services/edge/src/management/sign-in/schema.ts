import { z } from 'zod';
import { boundedText } from '../../request/json-types.ts';

const MAX_ADDRESS_CHARS = 254;
const MAX_NAME_CHARS = 128;
const INVALID_EMAIL = 'Invalid email format';
const SIX_DIGITS = /^[0-9]{6}$/;

/** An address in the form in which it is compared: without blanks around it, in lower case. */
const emailAddress = z
  .string()
  .trim()
  .toLowerCase()
  .max(MAX_ADDRESS_CHARS, { error: INVALID_EMAIL, abort: true })
  // HTML's own definition, as the sign-in form of a page checks it.
  .regex(z.regexes.html5Email, INVALID_EMAIL);

/** Asks for a code. */
export const codeRequest = z.object({ email: emailAddress });

/** Brings the code back. */
export const codeVerification = z.object({
  email: emailAddress,
  code: z.string().regex(SIX_DIGITS, 'Invalid code format: six digits'),
});

/** Names a new key. */
export const keyRequest = z.object({ name: boundedText(1, MAX_NAME_CHARS) });
