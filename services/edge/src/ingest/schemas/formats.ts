import { type FormatName, fullFormats } from 'ajv-formats/dist/formats.js';

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
