import type { EnvVariable } from '@runner/executor';
import type { Container, PodSpec } from '../objects.ts';
import type { CertificateAuthority } from './settings.ts';

type Volume = NonNullable<PodSpec['volumes']>[number];
type Mount = NonNullable<Container['volumeMounts']>[number];

/** Name of the volume in every pod. */
export const CERTIFICATE_AUTHORITY_VOLUME = 'private-ca';
const FOLDER = '/var/run/hybrid-runner/ca';
const FILE = 'ca.crt';

/** Where a workload finds the authorities, whatever their key is called. */
export const CERTIFICATE_AUTHORITY_PATH = `${FOLDER}/${FILE}`;

/**
 * Who reads what: `SSL_CERT_FILE` OpenSSL, and with it Python's own `ssl`; `REQUESTS_CA_BUNDLE` requests, the clients built
 * on it and botocore; `AWS_CA_BUNDLE` botocore and the AWS CLI; `CURL_CA_BUNDLE` curl, and requests after its own;
 * `GRPC_DEFAULT_SSL_ROOTS_FILE_PATH` gRPC, which the clients of Google Cloud use; `NODE_EXTRA_CA_CERTS` Node.js, in which
 * probes are written. The last one adds to the public authorities. For the libraries of the others the file takes their place.
 */
export const CERTIFICATE_AUTHORITY_VARIABLES: readonly string[] = [
  'SSL_CERT_FILE',
  'REQUESTS_CA_BUNDLE',
  'AWS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  'GRPC_DEFAULT_SSL_ROOTS_FILE_PATH',
  'NODE_EXTRA_CA_CERTS',
];

export function authorityEnvironment(authority: CertificateAuthority | undefined): readonly EnvVariable[] {
  if (authority === undefined) return [];
  return CERTIFICATE_AUTHORITY_VARIABLES.map((name) => ({ name, value: CERTIFICATE_AUTHORITY_PATH }));
}

/** The volume of a pod. Of a Secret that may hold more, only this key is mounted; without it the pod does not start. */
export function authorityVolumes(authority: CertificateAuthority | undefined): {
  readonly volumes?: readonly Volume[];
} {
  if (authority === undefined) return {};
  const { kind, name, key } = authority;
  const items = [{ key, path: FILE }];
  const source = kind === 'secret' ? { secret: { secretName: name, items } } : { configMap: { name, items } };
  return { volumes: [{ name: CERTIFICATE_AUTHORITY_VOLUME, ...source }] };
}

/** The mount of a container. */
export function authorityMounts(authority: CertificateAuthority | undefined): {
  readonly volumeMounts?: readonly Mount[];
} {
  return authority === undefined
    ? {}
    : { volumeMounts: [{ name: CERTIFICATE_AUTHORITY_VOLUME, mountPath: FOLDER, readOnly: true }] };
}
