import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { type FormatName, fullFormats } from 'ajv-formats/dist/formats.js';
import { RE2JS } from 're2js';
import { RequestFailure } from '../../server/failure.ts';
import { refusedSchema } from './describe-violation.ts';
import { inspectSchema } from './inspect-schema.ts';
import { measureSchema } from './measure-schema.ts';

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

/** How a keyword of JSON Schema 2020-12 holds subschemas. */
export type KeywordShape = 'subschema' | 'list' | 'map' | 'definitions' | 'value';

const SHAPES: Readonly<Record<KeywordShape, readonly string[]>> = {
  subschema: [
    ...['additionalProperties', 'contains', 'else', 'if', 'items', 'not', 'propertyNames', 'then'],
    ...['unevaluatedItems', 'unevaluatedProperties'],
  ],
  list: ['allOf', 'anyOf', 'oneOf', 'prefixItems'],
  map: ['dependentSchemas', 'patternProperties', 'properties'],
  definitions: ['$defs'],
  value: [
    ...['$anchor', '$comment', '$ref', 'const', 'contentEncoding', 'contentMediaType', 'contentSchema'],
    ...['default', 'dependentRequired', 'deprecated', 'description', 'enum', 'examples', 'exclusiveMaximum'],
    ...['exclusiveMinimum', 'format', 'maxContains', 'maxItems', 'maxLength', 'maxProperties', 'maximum'],
    ...['minContains', 'minItems', 'minLength', 'minProperties', 'minimum', 'multipleOf', 'pattern'],
    ...['readOnly', 'required', 'title', 'type', 'uniqueItems', 'writeOnly'],
  ],
};

/** Every keyword that a schema may have, below its root too. */
export const KEYWORDS: ReadonlyMap<string, KeywordShape> = new Map(
  Object.entries(SHAPES).flatMap(([shape, names]) =>
    // Object.entries forgets that its keys are those of the record.
    names.map((name): [string, KeywordShape] => [name, shape as KeywordShape]),
  ),
);

/** Keywords that mean nothing without one of others: most likely a mistake. */
export const COMPANIONS: ReadonlyMap<string, readonly string[]> = new Map([
  ['if', ['then', 'else']],
  ['then', ['if']],
  ['else', ['if']],
  ['minContains', ['contains']],
  ['maxContains', ['contains']],
]);

/** What to use in the place of keywords of other drafts and dialects, and why some of this draft aren't taken. */
export const HINTS: ReadonlyMap<string, string> = new Map([
  ['$dynamicAnchor', 'is not supported: it serves recursion'],
  ['$dynamicRef', 'is not supported: it serves recursion'],
  ['$id', 'is allowed at the root only'],
  ['$recursiveRef', 'is a keyword of an older draft and serves recursion'],
  ['$schema', 'is allowed at the root only'],
  ['$vocabulary', 'is for meta-schemas'],
  ['additionalItems', 'is a keyword of an older draft: use items beside prefixItems'],
  ['definitions', 'is a keyword of an older draft: use $defs'],
  ['dependencies', 'is a keyword of an older draft: use dependentRequired or dependentSchemas'],
  ['discriminator', 'is a keyword of OpenAPI: use oneOf with const'],
  ['id', 'is a keyword of an older draft'],
  ['nullable', 'is a keyword of OpenAPI: use a type list with "null"'],
]);

/** The formats of JSON Schema 2020-12 that are checked; those of international names and addresses aren't known. */
const NAMES = [
  ...([
    'date',
    'date-time',
    'duration',
    'email',
    'hostname',
    'ipv4',
    'ipv6',
    'json-pointer',
    'regex',
  ] as const),
  ...(['relative-json-pointer', 'time', 'uri', 'uri-reference', 'uri-template', 'uuid'] as const),
] satisfies readonly FormatName[];

/** The formats that a schema may name. None takes more than linear time. */
export const FORMATS = Object.fromEntries(NAMES.map((name) => [name, fullFormats[name]]));

/** A regular expression that takes time in proportion to the text, whatever both are. */
interface LinearRegExp {
  test(text: string): boolean;
  /** Ajv tells patterns apart by it. */
  toString(): string;
  /** Instructions of the compiled program: the most that a character can cost, and a measure of its memory. */
  readonly size: number;
}

/** Compiles a pattern in the syntax that RE2 and ECMAScript share; throws when it isn't one, for example with a look-ahead. */
export function linearRegExp(pattern: string): LinearRegExp {
  const compiled = RE2JS.compile(RE2JS.translateRegExp(pattern));
  return {
    test: (text) => compiled.test(text),
    toString: () => pattern,
    size: compiled.programSize(),
  };
}
