import { execFileSync } from 'node:child_process';
import { mkdtempSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Paths of a certificate and its key. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** Issues certificates for `localhost` and 127.0.0.1, for servers and clients. */
export interface CertificateAuthority {
  readonly directory: string;
  /** PEM file of the authority. */
  readonly ca: string;
  /** Makes or replaces `<name>.pem` and `<name>.key`. An expired one ended yesterday. */
  issue(name: string, options?: { expired?: boolean }): CertificateFiles;
}

const EXTENSIONS = `basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth, clientAuth
subjectAltName = DNS:localhost, IP:127.0.0.1
`;

/** Makes an authority in a directory of its own, with openssl. */
export function createCertificateAuthority(name: string): CertificateAuthority {
  const directory = mkdtempSync(join(tmpdir(), `millrace-ca-${name}-`));
  const path = (file: string) => join(directory, file);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    path('ca.key'),
    '-out',
    path('ca.pem'),
    '-subj',
    `/CN=${name}`,
    '-days',
    '30',
  );
  writeFileSync(path('extensions'), EXTENSIONS);
  return {
    directory,
    ca: path('ca.pem'),
    issue(subject, { expired = false } = {}) {
      const files = { cert: path(`${subject}.pem`), key: path(`${subject}.key`) };
      const fresh = { cert: `${files.cert}.new`, key: `${files.key}.new` };
      openssl('req', ...newKey, '-keyout', fresh.key, '-out', path('request.pem'), '-subj', `/CN=${subject}`);
      openssl(
        ...['x509', '-req', '-in', path('request.pem'), '-CA', path('ca.pem'), '-CAkey', path('ca.key')],
        ...['-CAcreateserial', '-extfile', path('extensions'), '-days', expired ? '-1' : '30'],
        ...['-out', fresh.cert],
      );
      renameSync(fresh.key, files.key);
      renameSync(fresh.cert, files.cert);
      return files;
    },
  };
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
