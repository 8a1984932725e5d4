import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { runToSuccess } from './run-program.ts';

export interface CertificateFiles {
  certificateFile: string;
  keyFile: string;
}

export interface CertificateAuthority {
  /** The folder with everything in it. */
  readonly folder: string;
  /** PEM file of the CA certificate: what clients have to trust. */
  readonly certificateFile: string;
  readonly certificate: string;
  /** For `localhost`, 127.0.0.1 and ::1; good for servers and for clients. */
  readonly server: CertificateFiles;
  /** Makes one more certificate; `names` is an OpenSSL subjectAltName, such as `DNS:example.test,IP:127.0.0.1`. */
  issue(
    commonName: string,
    names: string,
    options?: { days?: number; algorithm?: 'ec' | 'rsa' },
  ): Promise<CertificateFiles>;
}

/** Makes a certificate authority in `folder` with OpenSSL, and a server certificate for this machine's loopback. */
export async function makeCa(folder: string): Promise<CertificateAuthority> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // A configuration of its own: the system's would add extensions that differ between distributions.
  const config = path.join(folder, 'openssl.cnf');
  await writeFile(config, '[req]\ndistinguished_name = name\n[name]\n');
  const files = (name: string): CertificateFiles => ({
    certificateFile: path.join(folder, `${name}.crt`),
    keyFile: path.join(folder, `${name}.key`),
  });
  const make = async (
    made: CertificateFiles,
    commonName: string,
    days: number,
    extensions: string[],
    more: string[],
    algorithm: 'ec' | 'rsa' = 'ec',
  ) => {
    const args = ['req', '-x509', '-config', config];
    if (algorithm === 'rsa') args.push('-newkey', 'rsa:2048');
    else args.push('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1');
    args.push('-nodes', '-sha256');
    args.push('-keyout', made.keyFile, '-out', made.certificateFile);
    args.push('-days', String(days), '-subj', `/CN=${commonName}`, ...more);
    for (const extension of extensions) args.push('-addext', extension);
    await runToSuccess('openssl', args, { env: { PATH: process.env.PATH ?? '' }, cwd: folder });
    return made;
  };

  const authority = files('ca');
  await make(
    authority,
    'Tabellion interop CA',
    30,
    ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign'],
    [],
  );
  const issue = async (
    commonName: string,
    names: string,
    options?: { days?: number; algorithm?: 'ec' | 'rsa' },
  ) =>
    await make(
      files(commonName.replaceAll(/[^A-Za-z0-9.-]/g, '_')),
      commonName,
      options?.days ?? 30,
      [
        'basicConstraints=critical,CA:FALSE',
        'keyUsage=critical,digitalSignature',
        'extendedKeyUsage=serverAuth,clientAuth',
        `subjectAltName=${names}`,
      ],
      ['-CA', authority.certificateFile, '-CAkey', authority.keyFile],
      options?.algorithm,
    );
  return {
    folder,
    certificateFile: authority.certificateFile,
    certificate: await readFile(authority.certificateFile, 'utf8'),
    server: await issue('localhost', 'DNS:localhost,IP:127.0.0.1,IP:::1'),
    issue,
  };
}
