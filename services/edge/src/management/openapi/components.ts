import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';

/** The named schemas of a document. */
export type Components = Record<string, unknown>;

/**
 * A schema as JSON Schema; those in it that have a name become components and are referred to. `input` is what a client sends,
 * before defaults and conversions; what has no JSON Schema is left open. Throws where two different schemas have one name.
 */
export function jsonSchema(schema: z.ZodType, io: 'input' | 'output', components: Components): unknown {
  const { $schema, $defs, ...plain } = z.toJSONSchema(schema, {
    target: 'draft-2020-12',
    io,
    unrepresentable: 'any',
  });
  for (const [name, definition] of Object.entries($defs ?? {})) {
    const moved = withoutDefinitions(definition);
    if (name in components && !isDeepStrictEqual(components[name], moved)) {
      throw new Error(`two schemas are called ${name}`);
    }
    components[name] = moved;
  }
  return withoutDefinitions(plain);
}

function withoutDefinitions(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll('"#/$defs/', '"#/components/schemas/'));
}
