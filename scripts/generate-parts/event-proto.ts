import { readFileSync } from 'node:fs';

const EVENT_PROTO = 'proto/millrace/event/v1/event.proto';

/** The module that holds the contract which ClickHouse is given with every insert, for `packages/contracts/gen`. */
export function eventProtoModule(): readonly { path: string; text: string }[] {
  const proto = readFileSync(EVENT_PROTO, 'utf8')
    .replace(/\/\/.*$/gm, '')
    .replace(/\s+/g, ' ')
    .trim();
  const note = `// @generated from ${EVENT_PROTO}`;
  return [
    { path: 'event-proto.js', text: `${note}\nexport const EVENT_PROTO = ${JSON.stringify(proto)};\n` },
    {
      path: 'event-proto.d.ts',
      text: `${note}\n/** The text of \`millrace.event.v1\`, without its comments. */\nexport declare const EVENT_PROTO: string;\n`,
    },
  ];
}
