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
