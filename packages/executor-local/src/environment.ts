import type { EnvVariable, SecretsManagerProvider } from '@runner/executor';
import { secretsManagerFamily } from '@runner/executor';

/** Names of an environment: exact, or with `*` at the end. */
export type NamePattern = string;

/** What programs need of the host: where things are, how to talk, and how to get out. */
export const DEFAULT_ALLOWED: readonly NamePattern[] = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'LANG',
  'LANGUAGE',
  'LC_*',
  'TZ',
  'TMPDIR',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'ALL_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'all_proxy',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  'NODE_EXTRA_CA_CERTS',
  'LD_LIBRARY_PATH',
  'DYLD_LIBRARY_PATH',
  'VIRTUAL_ENV',
  'PYTHONPATH',
];

/** Where the credentials of a secrets manager come from when there is no pod to give them. */
const BY_FAMILY: Readonly<Record<ReturnType<typeof secretsManagerFamily>, readonly NamePattern[]>> = {
  kubernetes: ['KUBECONFIG', 'KUBERNETES_*'],
  aws: ['AWS_*'],
  azure: ['AZURE_*'],
  gcp: ['GOOGLE_*', 'CLOUDSDK_*'],
  db: [],
  ours: [],
};

/** The agent's own credentials: never given away, whatever is allowed. */
const AGENT_CREDENTIALS = ['AUTH_TOKEN', 'ARGO_TOKEN'] as const;
const FORBIDDEN: ReadonlySet<string> = new Set(AGENT_CREDENTIALS.flatMap((name) => [name, `${name}_FILE`]));

export interface ProgramEnvironmentInput {
  /** The agent's own environment. */
  readonly host: Readonly<Record<string, string | undefined>>;
  readonly allowed: readonly NamePattern[];
  readonly provider?: SecretsManagerProvider;
  /** What the workload contract asks for; wins over the host's. */
  readonly contract: readonly EnvVariable[];
}

/** Environment of a program: what is allowed of the host's, then the contract; in neither the agent's credentials. */
export function programEnvironment(input: ProgramEnvironmentInput): Readonly<Record<string, string>> {
  const { host, provider, contract } = input;
  const allowed = [...input.allowed, ...(provider === undefined ? [] : BY_FAMILY[secretsManagerFamily(provider)])];
  // A token that was exported under another name as well is no less a token.
  const tokens = new Set(
    AGENT_CREDENTIALS.map((name) => host[name]).filter((token) => token !== undefined && token !== ''),
  );
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(host)) {
    if (value !== undefined && !FORBIDDEN.has(name) && isAllowed(name, allowed)) result[name] = value;
  }
  for (const { name, value } of contract) result[name] = value;
  return Object.fromEntries(Object.entries(result).filter(([, value]) => !tokens.has(value)));
}

/** Environment of a supervisor: it starts a program by its own PATH and needs nothing else. */
export function supervisorEnvironment(
  host: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  return programEnvironment({ host, allowed: ['PATH', 'HOME', 'TMPDIR', 'LD_LIBRARY_PATH'], contract: [] });
}

function isAllowed(name: string, patterns: readonly NamePattern[]): boolean {
  return patterns.some((pattern) => (pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern));
}
