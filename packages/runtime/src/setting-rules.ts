import { hostOf, isLoopback } from './loopback.ts';
import { parseNatsUrl } from './nats-url.ts';
import { readTlsFiles } from './tls-files.ts';

/** What is wrong with a setting in the light of the others. */
export interface SettingProblem {
  readonly name: string;
  readonly message: string;
}

type Environment = Readonly<Record<string, string | undefined>>;
type Rule = (environment: Environment) => SettingProblem[];

/**
 * Judges settings together, as they stand in the environment: so these problems are told along with those of single
 * settings. Looks only at what the process reads.
 */
export function judgeSettings(known: ReadonlySet<string>, environment: Environment): SettingProblem[] {
  const read = Object.fromEntries(Object.entries(environment).filter(([name]) => known.has(name)));
  const rules: Rule[] = [
    ...(known.has('MILLRACE_ENV') ? [developmentIsAskedFor] : []),
    (settings) => secretsAreStrong(settings, known),
    natsHasOneIdentity,
    natsIsNamed,
    ...['NATS', 'CLICKHOUSE', 'REDIS', 'TEMPORAL', 'GRPC'].map(
      (store) => (settings: Environment) => certificatesAreWhole(settings, store),
    ),
    onlyEncryptedUrlsHaveCertificates,
    temporalIsNamed,
  ];
  return rules.flatMap((rule) => rule(read));
}

/** Settings that name a host of ours, whose network sees what development gives away. */
const ADDRESSES = [
  'NATS_URL',
  'CLICKHOUSE_URL',
  'REDIS_URL',
  'AUTH_ADDRESS',
  'INGEST_ADDRESS',
  'ANALYTICS_ADDRESS',
  'WEBHOOK_ADDRESS',
  'TEMPORAL_ADDRESS',
] as const;

function developmentIsAskedFor(environment: Environment): SettingProblem[] {
  if (environment['MILLRACE_ENV'] !== undefined) return [];
  const beyond = [
    ...(isBeyond([environment['HOST']]) ? ['HOST'] : []),
    ...ADDRESSES.filter((name) => isBeyond(hostsIn(name, environment[name]))),
  ];
  if (beyond.length === 0) return [];
  const message = `must be set where ${beyond.join(', ')} ${beyond.length === 1 ? 'is' : 'are'} not on loopback: production, or development to allow fixed tokens, sign-in codes in the log and reflection there`;
  return [{ name: 'MILLRACE_ENV', message }];
}

function isBeyond(hosts: readonly (string | undefined)[]): boolean {
  return hosts.some((host) => host !== undefined && !isLoopback(host));
}

function hostsIn(name: string, address: string | undefined): readonly (string | undefined)[] {
  if (address === undefined) return [];
  return name === 'NATS_URL' ? (natsServers(address)?.hosts ?? []) : [hostOf(address)];
}

/** A list that can't be read is complained about where it is declared. */
function natsServers(text: string): ReturnType<typeof parseNatsUrl> | undefined {
  try {
    return parseNatsUrl(text);
  } catch {
    return undefined;
  }
}

/** Least length of what stands in the environment to prove who somebody is: made up by a machine, not by a person. */
const STRONG_SECRETS: Readonly<Record<string, number>> = {
  SERVICE_SECRET: 32,
  KEY_PEPPER: 32,
  WEBHOOK_SEAL_KEY: 32,
  COMPOZY_API_TOKEN: 32,
  EMAIL_API_KEY: 32,
  TEMPORAL_API_KEY: 32,
  BOOTSTRAP_API_KEY: 32,
  BOOTSTRAP_EXTERNAL_EVENT_TOKEN: 32,
  NATS_PASSWORD: 16,
  NATS_TOKEN: 16,
  CLICKHOUSE_PASSWORD: 16,
  CLICKHOUSE_SQL_PASSWORD: 16,
};
const LEAST_DISTINCT = 8;

function secretsAreStrong(environment: Environment, known: ReadonlySet<string>): SettingProblem[] {
  if (environment['MILLRACE_ENV'] !== 'production') return [];
  const problems = Object.entries(STRONG_SECRETS).flatMap(([name, length]) => {
    const weakness = weaknessOf(environment[name], length);
    return weakness === undefined ? [] : [{ name, message: weakness }];
  });
  for (const [name, password] of [
    ['NATS_URL', passwordInNatsUrl(environment['NATS_URL'])],
    ['REDIS_URL', passwordInUrl(environment['REDIS_URL'])],
  ] as const) {
    const weakness = weaknessOf(password, 16);
    if (weakness !== undefined) problems.push({ name, message: `its password ${weakness}` });
  }
  for (const name of ['KEY_PEPPER', 'WEBHOOK_SEAL_KEY']) {
    if (known.has(name) && environment[name] === undefined)
      problems.push({ name, message: 'required in production' });
  }
  return problems;
}

function weaknessOf(secret: string | undefined, leastLength: number): string | undefined {
  if (secret === undefined) return undefined;
  const advice = 'make one with: openssl rand -base64 32';
  if (secret.length < leastLength) {
    return `must have at least ${leastLength} characters in production; ${advice}`;
  }
  if (new Set(secret).size < LEAST_DISTINCT || /^(.+?)\1+$/s.test(secret)) {
    return `is too regular for production; ${advice}`;
  }
  return undefined;
}

function passwordInNatsUrl(text: string | undefined): string | undefined {
  const servers = text === undefined ? undefined : natsServers(text);
  return servers?.password ?? servers?.token;
}

function passwordInUrl(text: string | undefined): string | undefined {
  return text !== undefined && URL.canParse(text) ? new URL(text).password || undefined : undefined;
}

function natsHasOneIdentity(environment: Environment): SettingProblem[] {
  const { NATS_URL, NATS_USER, NATS_PASSWORD, NATS_TOKEN, NATS_CREDS, NATS_NKEY } = environment;
  const problems: SettingProblem[] = [];
  if (NATS_USER !== undefined && NATS_PASSWORD === undefined) {
    problems.push({ name: 'NATS_PASSWORD', message: 'must be set together with NATS_USER' });
  }
  if (NATS_PASSWORD !== undefined && NATS_USER === undefined) {
    problems.push({ name: 'NATS_USER', message: 'must be set together with NATS_PASSWORD' });
  }
  const servers = NATS_URL === undefined ? undefined : natsServers(NATS_URL);
  const ways = [
    ...(servers?.user !== undefined || servers?.token !== undefined ? ['the user info of NATS_URL'] : []),
    ...(NATS_USER !== undefined || NATS_PASSWORD !== undefined ? ['NATS_USER'] : []),
    ...(NATS_TOKEN === undefined ? [] : ['NATS_TOKEN']),
    ...(NATS_CREDS === undefined ? [] : ['NATS_CREDS']),
    ...(NATS_NKEY === undefined ? [] : ['NATS_NKEY']),
  ];
  if (ways.length > 1) {
    problems.push({ name: ways.at(-1) ?? '', message: `only one of ${ways.join(', ')} can be set` });
  }
  return problems;
}

/** The client has no address to hold a certificate against, only the name of a server. */
function natsIsNamed(environment: Environment): SettingProblem[] {
  const servers = natsServers(environment['NATS_URL'] ?? 'nats://127.0.0.1');
  const encrypted =
    servers?.tls === true || ['NATS_TLS_CA', 'NATS_TLS_CERT'].some((name) => environment[name] !== undefined);
  const isAddress = (host: string) => host.startsWith('[') || /^[\d.]+$/.test(host);
  if (!encrypted || servers === undefined || !servers.hosts.some(isAddress)) return [];
  const message = 'must name its servers, not give their addresses: with TLS the name is what is checked';
  return [{ name: 'NATS_URL', message }];
}

/** What is said of a server nobody names would go unnoticed. */
function temporalIsNamed(environment: Environment): SettingProblem[] {
  const others = ['API_KEY', 'NAMESPACES', 'TLS_CA', 'TLS_CERT', 'TLS_KEY'].map((name) => `TEMPORAL_${name}`);
  const set = others.filter((name) => environment[name] !== undefined);
  if (set.length === 0 || environment['TEMPORAL_ADDRESS'] !== undefined) return [];
  return [{ name: 'TEMPORAL_ADDRESS', message: `must be set together with ${set.join(', ')}` }];
}

function certificatesAreWhole(environment: Environment, store: string): SettingProblem[] {
  const names = { ca: `${store}_TLS_CA`, cert: `${store}_TLS_CERT`, key: `${store}_TLS_KEY` };
  const paths = { ca: environment[names.ca], cert: environment[names.cert], key: environment[names.key] };
  const problems: SettingProblem[] = [];
  if (paths.cert !== undefined && paths.key === undefined) {
    problems.push({ name: names.key, message: `must be set together with ${names.cert}` });
  }
  if (paths.key !== undefined && paths.cert === undefined) {
    problems.push({ name: names.cert, message: `must be set together with ${names.key}` });
  }
  if (store === 'GRPC' && paths.ca === undefined && (paths.cert ?? paths.key) !== undefined) {
    problems.push({ name: names.ca, message: 'must be set together with GRPC_TLS_CERT and GRPC_TLS_KEY' });
  }
  if (store === 'GRPC' && paths.ca !== undefined && paths.cert === undefined && paths.key === undefined) {
    problems.push({
      name: names.cert,
      message: 'must be set together with GRPC_TLS_CA: both sides show one',
    });
  }
  return problems.length > 0 ? problems : unusableFiles(names.cert, names.ca, paths);
}

function unusableFiles(
  certName: string,
  caName: string,
  paths: { ca: string | undefined; cert: string | undefined; key: string | undefined },
): SettingProblem[] {
  try {
    readTlsFiles(paths);
    return [];
  } catch (error) {
    // A file that isn't there is complained about where it is declared.
    if (error instanceof Error && 'syscall' in error) return [];
    const reason = error instanceof Error ? error.message : String(error);
    const name = paths.cert === undefined ? caName : certName;
    return [{ name, message: `with the other files of its kind is of no use to TLS: ${reason}` }];
  }
}

function onlyEncryptedUrlsHaveCertificates(environment: Environment): SettingProblem[] {
  return (
    [
      ['CLICKHOUSE', 'https://'],
      ['REDIS', 'rediss://'],
    ] as const
  ).flatMap(([store, scheme]) => {
    const url = environment[`${store}_URL`];
    const isSet = [`${store}_TLS_CA`, `${store}_TLS_CERT`].some((name) => environment[name] !== undefined);
    if (!isSet || url?.startsWith(scheme) === true) return [];
    return [{ name: `${store}_URL`, message: `must begin with ${scheme} where ${store}_TLS_… is set` }];
  });
}
