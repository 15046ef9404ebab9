import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { RequestFailure } from '../../server/failure.ts';
import { FORMATS } from './formats.ts';
import { inspectSchema } from './inspect-schema.ts';
import { linearRegExp } from './linear-regexp.ts';
import { measureSchema } from './measure-schema.ts';
import { refusedSchema } from './refused-schema.ts';

/** A schema that events can be checked by. */
export interface CompiledSchema {
  /** The steps that checking one value may take at most. */
  readonly steps: number;
  /** The rule that a value breaks, or undefined. */
  check(value: unknown): ErrorObject | undefined;
}

type JsonObject = Readonly<Record<string, unknown>>;

const DRAFT = 'https://json-schema.org/draft/2020-12/schema';
const DRAFT_NAMES: readonly unknown[] = [undefined, DRAFT, `${DRAFT}#`];

/** Knows the shape of schemas; formats and patterns are looked at apart, with what they are matched by. */
const shapes = new Ajv2020({ validateFormats: false, logger: false });
const regExp = Object.assign((pattern: string) => linearRegExp(pattern), { code: 'linearRegExp' });

/**
 * Compiles a JSON Schema 2020-12 of a client's. Throws RequestFailure `invalid` with the JSON pointer of what isn't valid,
 * isn't supported, or would make checking an event costly.
 */
export function compileSchema(schema: JsonObject): CompiledSchema {
  const { $schema, $id, ...rest } = schema;
  if (!DRAFT_NAMES.includes($schema)) throw refusedSchema('/$schema', `must be ${DRAFT}`);
  if ($id !== undefined && typeof $id !== 'string') throw refusedSchema('/$id', 'must be a string');
  refuseShape(rest);
  const steps = measureSchema(inspectSchema(rest));
  const validate = compile(rest);
  return {
    steps,
    check: (value) => (validate(value) ? undefined : brokenRule(validate.errors ?? [])),
  };
}

function refuseShape(schema: JsonObject): void {
  if (shapes.validateSchema(schema) === true) return;
  const [error] = shapes.errors ?? [];
  throw refusedSchema(error?.instancePath ?? '', error?.message ?? 'is not a schema');
}

function compile(schema: JsonObject): ValidateFunction {
  // One for each schema: Ajv never forgets what it has compiled.
  const ajv = new Ajv2020({
    strict: true,
    // These refuse schemas that the standard allows and that mean what they say.
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    allowMatchingProperties: true,
    // With all errors, a hostile payload would make one for each of its values.
    allErrors: false,
    // Otherwise every payload would have members like `constructor`.
    ownProperties: true,
    // 19.99 is a multiple of 0.01, though not in binary fractions.
    multipleOfPrecision: 8,
    meta: false,
    validateSchema: false,
    inlineRefs: false,
    formats: FORMATS,
    // Ajv follows anchors, and yet calls the keyword unknown.
    keywords: ['$anchor'],
    logger: false,
    code: { regExp, optimize: false },
  });
  try {
    const validate = ajv.compile(schema);
    // The code is read by the engine only when it first runs, and what it can't hold fails then.
    validate({});
    return validate;
  } catch (error) {
    if (error instanceof RequestFailure) throw error;
    throw refusedSchema('', `can not be compiled: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Of nested errors the outermost is last; only that of `if` says less than the one before it. */
function brokenRule(errors: readonly ErrorObject[]): ErrorObject | undefined {
  return errors.findLast(({ keyword }) => keyword !== 'if') ?? errors.at(-1);
}
