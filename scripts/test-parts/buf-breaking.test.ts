import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const root = new URL('../../', import.meta.url).pathname;

test('a field that a release has can not be taken away, and one can be added', () => {
  const copy = mkdtempSync(join(tmpdir(), 'millrace-proto-'));
  try {
    cpSync(join(root, 'proto'), join(copy, 'proto'), { recursive: true });
    cpSync(join(root, 'buf.yaml'), join(copy, 'buf.yaml'));
    const event = join(copy, 'proto/millrace/event/v1/event.proto');
    const proto = readFileSync(event, 'utf8');
    const breaks = (text: string) => {
      writeFileSync(event, text);
      const against = join(root, 'proto/baseline.binpb');
      const done = spawnSync(join(root, 'node_modules/.bin/buf'), ['breaking', '--against', against], {
        cwd: copy,
        encoding: 'utf8',
      });
      return done.stdout;
    };
    assert.equal(breaks(proto), '');
    assert.match(
      breaks(proto.replace('  string trace_id = 15;\n', '')),
      /"15".*"trace_id".*"Event" was deleted/,
    );
    assert.match(breaks(proto.replace('uint32 priority = 10', 'int64 priority = 10')), /priority/);
    assert.equal(breaks(proto.replace('  string trace_id = 15;\n', '$&  string added = 37;\n')), '');
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
});
