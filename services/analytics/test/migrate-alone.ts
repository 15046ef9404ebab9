import { createLogger } from '@millrace/runtime';
import { createClickHouse } from '@millrace/stores';
import { migrate } from '../src/migrations/migrate.ts';

// A runner in a process of its own, which a test may kill: URL, directory of the migrations, milliseconds of the lease.
const [url = '', directory = '', ttlMs = ''] = process.argv.slice(2);
const client = createClickHouse({ url, username: 'millrace', password: 'application', database: 'default' });
const done = await migrate({
  client,
  target: { database: 'millrace', cluster: '' },
  log: createLogger({ service: 'test', level: 'silent' }),
  directory: new URL(directory),
  ttlMs: Number(ttlMs),
});
process.stdout.write(JSON.stringify(done));
await client.close();
