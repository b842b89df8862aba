import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { crc32c } from '../gcp/crc32c.ts';
import { testCertificate } from './certificate.ts';

/** Google Secret Manager's gRPC service on the SDK's own definitions, as much of it as reading takes. */
export interface TestSecretManager extends AsyncDisposable {
  /** For the option `endpoint`: `http://` when plain, else `https://` on `localhost`. */
  readonly url: string;
  /** For the option `ca`; empty when plain. */
  readonly ca: string;
  /** A new version. */
  put(id: string, value: string | Uint8Array): void;
  remove(id: string): void;
  /** State of the newest version. */
  setState(id: string, state: 'ENABLED' | 'DISABLED' | 'DESTROYED'): void;
  /** Damages what is sent for this secret, or leaves its checksum out. */
  damage(id: string, how: 'checksum' | 'payload' | 'no_checksum'): void;
  /** Refuses this secret with a status of gRPC. */
  refuse(id: string, code: number, details: string, metadata?: Readonly<Record<string, string>>): void;
  /** The next calls fail with these statuses of gRPC. */
  failNext(...codes: readonly number[]): void;
  /** No call is answered until it is switched off. */
  hang(on: boolean): void;
  /** Names of versions that were asked for, in order. */
  readonly calls: readonly string[];
  /** Values of the authorization metadata, in the order of calls. */
  readonly authorizations: readonly string[];
}

interface Request {
  readonly name: string;
}
interface Stored {
  readonly versions: Uint8Array[];
  state: 'ENABLED' | 'DISABLED' | 'DESTROYED';
  damage?: 'checksum' | 'payload' | 'no_checksum';
}

interface Failure {
  readonly code: number;
  readonly details: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

const NOT_FOUND = 5;
const FAILED_PRECONDITION = 9;

/** Needs `@grpc/grpc-js`, `@grpc/proto-loader` and `@google-cloud/secret-manager`. */
export async function startTestSecretManager({ plain = true } = {}): Promise<TestSecretManager> {
  const { grpc, service } = await loadService();
  const secrets = new Map<string, Stored>();
  const refusals = new Map<string, Failure>();
  const calls: string[] = [];
  const authorizations: string[] = [];
  let next: number[] = [];
  let hanging = false;

  const failureFor = (name: string): Failure | undefined => {
    const code = next.shift();
    if (code !== undefined) return { code, details: 'a test wants it so' };
    const [, id = '', version = ''] = /\/secrets\/([^/]+)\/versions\/([^/]+)$/.exec(name) ?? [];
    const refused = refusals.get(id);
    if (refused !== undefined) return refused;
    const stored = secrets.get(id);
    if (stored === undefined)
      return { code: NOT_FOUND, details: `Secret [${name.replace(/\/versions.*/, '')}] not found or has no versions.` };
    if (version !== 'latest' && stored.versions[Number(version) - 1] === undefined) {
      return { code: NOT_FOUND, details: `Secret Version [${name}] not found.` };
    }
    if (stored.state === 'ENABLED') return undefined;
    return { code: FAILED_PRECONDITION, details: `Secret Version [${name}] is in ${stored.state} state.` };
  };
  const access = (call: ServerUnaryCall<Request, unknown>, done: sendUnaryData<unknown>): void => {
    const { name } = call.request;
    calls.push(name);
    authorizations.push(String(call.metadata.get('authorization')[0] ?? ''));
    if (hanging) return;
    const failure = failureFor(name);
    if (failure !== undefined) {
      const metadata = new grpc.Metadata();
      for (const [key, value] of Object.entries(failure.metadata ?? {})) metadata.set(key, value);
      const statuses = Object.values(grpc.status).filter((each) => typeof each === 'number');
      const code = statuses.find((status) => (status as number) === failure.code) ?? grpc.status.UNKNOWN;
      done({ code, details: failure.details, metadata });
      return;
    }
    done(null, answer(name, secrets));
  };
  const server = new grpc.Server({ 'grpc.max_send_message_length': -1 });
  server.addService(service, { accessSecretVersion: access });
  const tls = plain ? undefined : testCertificate();
  const credentials =
    tls === undefined
      ? grpc.ServerCredentials.createInsecure()
      : grpc.ServerCredentials.createSsl(null, [
          { cert_chain: Buffer.from(tls.certificate), private_key: Buffer.from(tls.key) },
        ]);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
  return {
    url: plain ? `http://127.0.0.1:${port}` : `https://localhost:${port}`,
    ca: tls?.certificate ?? '',
    put: (id, value) => {
      const stored = secrets.get(id) ?? { versions: [], state: 'ENABLED' };
      stored.versions.push(Buffer.from(value as Uint8Array));
      stored.state = 'ENABLED';
      secrets.set(id, stored);
    },
    remove: (id) => void secrets.delete(id),
    setState: (id, state) => {
      const stored = secrets.get(id);
      if (stored !== undefined) stored.state = state;
    },
    damage: (id, how) => {
      const stored = secrets.get(id);
      if (stored !== undefined) stored.damage = how;
    },
    refuse: (id, code, details, metadata) =>
      void refusals.set(id, { code, details, ...(metadata === undefined ? {} : { metadata }) }),
    failNext: (...codes) => void next.push(...codes),
    hang: (on) => {
      hanging = on;
    },
    calls,
    authorizations,
    [Symbol.asyncDispose]: () => {
      next = [];
      server.forceShutdown();
      return Promise.resolve();
    },
  };
}

function answer(name: string, secrets: ReadonlyMap<string, Stored>): unknown {
  const [, id = '', version = ''] = /\/secrets\/([^/]+)\/versions\/([^/]+)$/.exec(name) ?? [];
  const stored = secrets.get(id);
  const index = version === 'latest' ? (stored?.versions.length ?? 0) : Number(version);
  const data = stored?.versions[index - 1] ?? new Uint8Array();
  const sum = crc32c(data);
  const damage = stored?.damage;
  const sent = damage === 'payload' ? Buffer.concat([data, Buffer.from('!')]) : data;
  return {
    name: name.replace(/latest$/, String(index)),
    payload: {
      data: sent,
      ...(damage === 'no_checksum' ? {} : { dataCrc32c: String(damage === 'checksum' ? sum ^ 1 : sum) }),
    },
  };
}

async function loadService() {
  const [grpc, loader] = await Promise.all([import('@grpc/grpc-js'), import('@grpc/proto-loader')]);
  const file = createRequire(import.meta.url).resolve('@google-cloud/secret-manager/build/protos/protos.json');
  const definition = loader.fromJSON(
    JSON.parse(await readFile(file, 'utf8')) as Parameters<typeof loader.fromJSON>[0],
    {
      keepCase: false,
      longs: String,
      enums: String,
      defaults: false,
      oneofs: true,
    },
  );
  const service = definition['google.cloud.secretmanager.v1.SecretManagerService'];
  if (service === undefined || !('AccessSecretVersion' in service)) throw new TypeError('the SDK has no such service');
  return { grpc, service: service as Parameters<InstanceType<typeof grpc.Server>['addService']>[0] };
}
