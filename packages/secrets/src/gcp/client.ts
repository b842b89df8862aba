import type { SecretManagerServiceClient } from '@google-cloud/secret-manager';
import type * as Grpc from '@grpc/grpc-js';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { secretError } from '../errors.ts';
import { authorities } from '../store/network.ts';
import { loadSdk } from '../store/sdk.ts';
import type { GcpPlace, GcpProviderOptions } from './options.ts';

export const PACKAGE = '@google-cloud/secret-manager';
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';

/** What is used of an answer. */
export interface AccessAnswer {
  readonly name?: string | null;
  readonly payload?: {
    readonly data?: Uint8Array | string | null;
    readonly dataCrc32c?: number | string | { toString(): string } | null;
  } | null;
}

export interface GcpClient {
  access(name: string, timeoutMs: number, signal: AbortSignal): Promise<AccessAnswer>;
  /** As whom, once that is known. */
  readonly identity: string;
  close(): Promise<void>;
}

/** That no token could be had. */
export class TokenFailure extends Error {
  constructor(cause: unknown) {
    super('no token', { cause });
    this.name = 'TokenFailure';
  }
}

type ClientOptions = NonNullable<ConstructorParameters<typeof SecretManagerServiceClient>[0]>;
type GoogleAuth = NonNullable<ClientOptions['auth']>;
/** What is used of the SDK's own dependency `google-gax`. */
interface Gax {
  readonly grpc: typeof Grpc;
  readonly GoogleAuth: new (options: {
    readonly scopes?: readonly string[];
    readonly projectId?: string;
    readonly clientOptions?: { readonly universeDomain: string };
  }) => GoogleAuth;
}

type Headers = Readonly<Record<string, string>>;
interface Caller {
  readonly identity: string;
  headers(signal: AbortSignal): Promise<Headers>;
}

/**
 * With this variable set, the SDK writes every answer to the log, with the bytes of the secret in it. It looks at the
 * environment of the process itself, so that is what has to be looked at here.
 */
export function refuseSdkLogging(env: Readonly<Record<string, string | undefined>>): void {
  const variable = 'GOOGLE_SDK_NODE_LOGGING';
  if (!env[variable] && !process.env[variable]) return;
  throw secretError('secret_misconfigured', `${variable} is set, with which Google's SDK writes secrets to the log`, {
    provider: 'gcp',
    hint: `unset ${variable}`,
  });
}

export async function openClient(place: GcpPlace, options: GcpProviderOptions): Promise<GcpClient> {
  refuseSdkLogging(options.env ?? {});
  const { sdk, gax } = await loadSdk('gcp', PACKAGE, loadBoth);
  const ca = await authorities(options.ca, options.env ?? {}, ['GRPC_DEFAULT_SSL_ROOTS_FILE_PATH']);
  const caller = place.plain ? nobody() : await callerOf(options, place.project, gax);
  const { credentials } = gax.grpc;
  const sslCreds = place.plain
    ? credentials.createInsecure()
    : credentials.combineChannelCredentials(
        credentials.createSsl(ca === undefined ? null : Buffer.from(ca)),
        credentials.createFromMetadataGenerator((_, done) => {
          caller.headers(NEVER).then(
            (headers) => done(null, metadata(gax, headers)),
            () => done(new Error('no token')),
          );
        }),
      );
  const client = new sdk.SecretManagerServiceClient({
    projectId: place.project,
    apiEndpoint: place.host,
    port: place.port,
    sslCreds,
    fallback: false,
    // Only asked for its universe, and must not look for a metadata server to answer that.
    auth: new gax.GoogleAuth({ clientOptions: { universeDomain: 'googleapis.com' } }),
  });
  await client.initialize();
  return {
    identity: caller.identity,
    access: async (name, timeout, signal) => {
      // Had beforehand, so that its failure is not taken for the store's; the call then finds it cached.
      await caller.headers(signal);
      const [answer] = await client.accessSecretVersion({ name }, { timeout, retry: null });
      return answer;
    },
    close: () => client.close(),
  };
}

const NEVER = new AbortController().signal;

/** gRPC's objects must come from the SDK's own copy, which only its own dependencies lead to. */
async function loadBoth() {
  const sdk = exportsOf(await import('@google-cloud/secret-manager'));
  return { sdk, gax: installedGax() ?? (await bundledGax()) };
}

/** Of a CommonJS module: a bundle has them behind `default` alone. */
function exportsOf<T extends object>(module: T): T {
  return 'default' in module ? (module.default as T) : module;
}

function installedGax(): Gax | undefined {
  try {
    return createRequire(fileURLToPath(import.meta.resolve(PACKAGE)))('google-gax') as Gax;
  } catch {
    return undefined;
  }
}

/** In a bundle nothing is installed: the SDK's copy is the one that was bundled with it. */
async function bundledGax(): Promise<Gax> {
  try {
    return exportsOf(await import('google-gax')) as unknown as Gax;
  } catch (cause) {
    throw new Error('google-gax, which the SDK brings with it, cannot be loaded', { cause });
  }
}

function metadata(gax: Gax, headers: Headers): Grpc.Metadata {
  const found = new gax.grpc.Metadata();
  for (const [name, value] of Object.entries(headers)) found.set(name, value);
  return found;
}

function nobody(): Caller {
  return { identity: 'nobody: emulators take no credentials', headers: () => Promise.resolve({}) };
}

async function callerOf({ accessToken }: GcpProviderOptions, projectId: string, gax: Gax): Promise<Caller> {
  if (accessToken !== undefined) {
    return {
      identity: 'the access token given by the program',
      headers: async (signal) => {
        const token = await accessToken({ signal }).catch((error: unknown) => {
          throw new TokenFailure(error);
        });
        return { authorization: `Bearer ${token}` };
      },
    };
  }
  // Without the project, federated credentials would ask yet another service for it.
  const auth = new gax.GoogleAuth({ scopes: [SCOPE], projectId });
  // Without this, a missing credential also rejects a promise of the SDK that nobody holds, which ends the process.
  const client = await auth.getClient().catch((error: unknown) => {
    throw new TokenFailure(error);
  });
  return {
    identity: identityOf(client),
    headers: async () => {
      const headers = await client.getRequestHeaders().catch((error: unknown) => {
        throw new TokenFailure(error);
      });
      return Object.fromEntries(headers.entries());
    },
  };
}

function identityOf(client: object): string {
  const { email } = client as { email?: unknown };
  if (typeof email === 'string' && email.includes('@')) return email;
  switch (client.constructor.name) {
    case 'Compute':
      return 'the service account of the metadata server (workload identity, or that of the node)';
    case 'UserRefreshClient':
      return 'the user of gcloud auth application-default login';
    default:
      return 'Application Default Credentials';
  }
}
