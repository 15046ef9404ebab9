import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

/** A numbered file of DDL statements. */
export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly file: string;
  /** SHA-256 of the file's text, in hex. */
  readonly checksum: string;
  readonly statements: readonly string[];
}

/** What the placeholders of a migration stand for. */
export interface MigrationTarget {
  readonly database: string;
  /** The cluster that every statement goes to; empty for a single server. */
  readonly cluster: string;
}

const DIRECTORY = new URL('./sql/', import.meta.url);
const FILE = /^(\d{4})_([a-z0-9_]+)\.sql$/;
const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Reads the migrations in order. Placeholders: `{{database}}`; `{{on_cluster}}`; `{{engine}}` and `{{engine:Prefix}}`,
 * which are MergeTree engines, replicated when there is a cluster. Throws on a gap, a stray file or an odd name.
 */
export function readMigrations(target: MigrationTarget, directory: URL = DIRECTORY): Migration[] {
  for (const name of [target.database, target.cluster || 'none']) {
    if (!IDENTIFIER.test(name)) throw new TypeError(`not a plain identifier: ${name}`);
  }
  return readdirSync(directory)
    .sort()
    .map((file, index) => {
      const [, digits, name] = FILE.exec(file) ?? [];
      if (name === undefined || Number(digits) !== index + 1) {
        throw new TypeError(`migrations are numbered from 0001 without gaps, found ${file}`);
      }
      const text = readFileSync(new URL(file, directory), 'utf8');
      const checksum = createHash('sha256').update(text).digest('hex');
      return {
        number: index + 1,
        name,
        file,
        checksum,
        statements: splitStatements(fillIn(text, target)),
      };
    });
}

function fillIn(sql: string, { database, cluster }: MigrationTarget): string {
  const engine = (prefix: string) =>
    cluster === ''
      ? `${prefix}MergeTree`
      : `Replicated${prefix}MergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')`;
  return sql
    .replaceAll('{{database}}', database)
    .replaceAll('{{on_cluster}}', cluster === '' ? '' : `ON CLUSTER ${cluster}`)
    .replace(/\{\{engine(?::([A-Za-z]+))?\}\}/g, (_, prefix: string | undefined) => engine(prefix ?? ''));
}

/** Statements end with a semicolon at the end of a line; a comment is a line of its own. */
function splitStatements(sql: string): string[] {
  return sql
    .replace(/^\s*--.*$/gm, '')
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}
