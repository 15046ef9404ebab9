import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseChoice } from './choice.ts';

const known = ['checks', 'unit', 'e2e'];

test('without arguments every part runs whole', () => {
  assert.deepEqual(parseChoice([], known), { kind: 'chosen', parts: known, names: [] });
});

test('parts are followed by names of files', () => {
  assert.deepEqual(parseChoice(['unit', 'e2e'], known), {
    kind: 'chosen',
    parts: ['unit', 'e2e'],
    names: [],
  });
  assert.deepEqual(parseChoice(['e2e', 'tls', 'up-and'], known), {
    kind: 'chosen',
    parts: ['e2e'],
    names: ['tls', 'up-and'],
  });
});

const refused: Readonly<Record<string, { args: readonly string[]; problem: RegExp }>> = {
  'a name without a part': { args: ['tls'], problem: /^unknown part: tls; there are checks, unit, e2e$/ },
  'a part behind a name': { args: ['e2e', 'tls', 'unit'], problem: /^unit is a part/ },
  // It would be in every path.
  'an empty name': { args: ['e2e', ''], problem: /empty/ },
  'a name for the checks': { args: ['checks', 'e2e', 'tls'], problem: /^checks has no test files/ },
};
for (const [what, { args, problem }] of Object.entries(refused)) {
  test(`refused: ${what}`, () => {
    const choice = parseChoice(args, known);
    assert.equal(choice.kind, 'unknown');
    assert.match(choice.kind === 'unknown' ? choice.problem : '', problem);
  });
}
