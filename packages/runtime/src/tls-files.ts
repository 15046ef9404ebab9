import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { Logger } from './logger.ts';

/** Paths of PEM files: whom to trust, and who we are. */
export interface TlsPaths {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** What is in the files. */
export interface TlsMaterial {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** Certificates that are read anew, so that they can be renewed without a restart. */
export interface TlsFiles {
  /** As the files are now; as they last were in order while they are not, as in the middle of a change. */
  current(): TlsMaterial;
  /** Calls back after each change, from a timer that keeps no process alive; returns what ends that. */
  onChange(listener: (material: TlsMaterial) => void): () => void;
}

/** How often the files are looked at, in milliseconds. */
const LOOK_EVERY_MS = 2_000;

/** Opens them. Throws what is wrong with them at first; later on that is logged, once, and the old ones stay in use. */
export function openTlsFiles(paths: TlsPaths, log: Logger): TlsFiles {
  let last = readTlsFiles(paths);
  let print = printOf(last);
  let complaint = '';
  const current = (): TlsMaterial => {
    try {
      const next = readTlsFiles(paths);
      const nextPrint = printOf(next);
      if (nextPrint !== print) log.info({ files: paths, ...describe(next) }, 'certificates were read again');
      [last, print, complaint] = [next, nextPrint, ''];
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      if (text !== complaint) log.error({ files: paths, err: error }, 'certificates can not be read again');
      complaint = text;
    }
    return last;
  };
  return {
    current,
    onChange(listener) {
      let told = print;
      const timer = setInterval(() => {
        const material = current();
        if (print === told) return;
        told = print;
        listener(material);
      }, LOOK_EVERY_MS);
      timer.unref();
      return () => clearInterval(timer);
    },
  };
}

/** The files of those paths that are there; undefined when there are none. */
export function openTlsFilesIfAny(paths: TlsPaths, log: Logger): TlsFiles | undefined {
  return (paths.ca ?? paths.cert ?? paths.key) ? openTlsFiles(paths, log) : undefined;
}

/** Reads the files once. Throws when one is missing, none that TLS can use, or the key is not the certificate's. */
export function readTlsFiles(paths: TlsPaths): TlsMaterial {
  const material: TlsMaterial = {
    ...(paths.ca === undefined ? {} : { ca: readFileSync(paths.ca) }),
    ...(paths.cert === undefined ? {} : { cert: readFileSync(paths.cert) }),
    ...(paths.key === undefined ? {} : { key: readFileSync(paths.key) }),
  };
  // OpenSSL passes over a CA that is none, and then nobody is trusted.
  if (material.ca !== undefined) new X509Certificate(material.ca);
  createSecureContext(material);
  return material;
}

function printOf({ ca, cert, key }: TlsMaterial): string {
  const hash = createHash('sha256');
  for (const file of [ca, cert, key]) hash.update(file ?? '').update('\0');
  return hash.digest('hex');
}

function describe({ cert }: TlsMaterial): object {
  if (cert === undefined) return {};
  const { subject, validTo } = new X509Certificate(cert);
  return { subject, validTo };
}
