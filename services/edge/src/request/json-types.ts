import { parseRfc3339, RFC3339_EXPECTED } from '@millrace/runtime';
import { z } from 'zod';
import { MAX_ISSUES } from './issues.ts';

/**
 * An object of a client's own, kept as raw text: that it is an object is all there is to check, and z.record costs more than
 * the rest of an event.
 */
export function jsonObject() {
  return z
    .unknown()
    .check((context) => {
      const { value } = context;
      if (isJsonObject(value)) return;
      context.issues.push({ code: 'invalid_type', expected: 'object', input: value });
    })
    .meta({ type: 'object' });
}

/** Whether a value of parsed JSON is an object, and neither an array nor null. */
export function isJsonObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What text must look like besides its length, and what to tell a client whose text doesn't. */
export interface TextPattern {
  readonly expression: RegExp;
  readonly message: string;
}

/**
 * Text of a bounded length in UTF-16 units. One check reports what zod's `min`, `max` and `regex` would, of which the last
 * alone costs more than all other checks of an event.
 */
export function boundedText(minimum: number, maximum: number, pattern?: TextPattern) {
  return z
    .string()
    .check((context) => {
      const { value: input, issues } = context;
      const origin = 'string';
      if (input.length < minimum) issues.push({ code: 'too_small', origin, minimum, inclusive: true, input });
      else if (input.length > maximum) {
        issues.push({ code: 'too_big', origin, maximum, inclusive: true, input });
      } else if (pattern !== undefined && !pattern.expression.test(input)) {
        issues.push({ code: 'invalid_format', format: 'regex', message: pattern.message, input });
      }
    })
    .meta({
      minLength: minimum,
      maxLength: maximum,
      ...(pattern && { pattern: pattern.expression.source }),
    });
}

/**
 * A list of texts of a bounded length. It stops at the hundredth bad one, where zod's array would describe every element of a
 * body that may hold millions.
 */
export function textList(maximum: number) {
  return (
    z
      .unknown()
      .check((context) => {
        const { value, issues } = context;
        if (!Array.isArray(value)) {
          issues.push({ code: 'invalid_type', expected: 'array', input: value });
          return;
        }
        for (let i = 0; i < value.length && issues.length < MAX_ISSUES; i++) {
          const input: unknown = value[i];
          const path = [i];
          if (typeof input !== 'string')
            issues.push({ code: 'invalid_type', expected: 'string', path, input });
          else if (input.length > maximum) {
            issues.push({ code: 'too_big', origin: 'string', maximum, inclusive: true, path, input });
          }
        }
      })
      // The check lets nothing else pass.
      .transform((value) => value as readonly string[])
      .meta({ type: 'array', items: { type: 'string', maxLength: maximum } })
  );
}

/** An integer within bounds; reports like zod's, but without the bounds of safe integers besides. */
export function wholeNumber(minimum: number, maximum: number) {
  return z
    .number()
    .check((context) => {
      const { value: input, issues } = context;
      const origin = 'number';
      if (!Number.isInteger(input)) issues.push({ code: 'invalid_type', expected: 'int', input });
      else if (input < minimum) issues.push({ code: 'too_small', origin, minimum, inclusive: true, input });
      else if (input > maximum) issues.push({ code: 'too_big', origin, maximum, inclusive: true, input });
    })
    .meta({ type: 'integer', minimum, maximum });
}

/** RFC 3339 text, read as milliseconds since 1970. */
export function timestamp() {
  return z
    .string()
    .meta({ format: 'date-time' })
    .transform((input, context) => {
      const ms = parseRfc3339(input);
      if (ms !== undefined) return ms;
      context.issues.push({ code: 'custom', message: RFC3339_EXPECTED, input });
      return z.NEVER;
    });
}
