import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '@runner/core';
import { secretError, shownId } from '../errors.ts';
import type { SecretProvider, SecretProviderDescription } from '../provider.ts';
import type { SecretSelection } from '../selectors/selection.ts';
import { storeFailure } from '../store/failure.ts';
import type { NetworkOptions } from '../store/network.ts';
import { once } from '../store/sdk.ts';
import type { StoreOptions, StoredValue } from '../store/store-provider.ts';
import { createStoreProvider } from '../store/store-provider.ts';
import type { KubernetesAccess } from './access.ts';
import { SERVICE_ACCOUNT_FOLDER, openAccess } from './access.ts';
import { ApiRefusal, explainKubernetes } from './failures.ts';
import { getJson } from './request.ts';

/**
 * Where Secrets are and how the API server is reached. From `env`, as OpenMetadata's library reads them:
 * KUBERNETES_IN_CLUSTER (`true` in a pod), KUBERNETES_KUBECONFIG_PATH, KUBERNETES_NAMESPACE.
 */
export interface KubernetesProviderOptions extends StoreOptions, NetworkOptions {
  /** Default: KUBERNETES_NAMESPACE, else the namespace of the pod, else `default`. */
  readonly namespace?: string;
  /** Path of a kubeconfig. Wins over KUBERNETES_IN_CLUSTER. */
  readonly kubeconfig?: string;
  /** Context of the kubeconfig. Default: its current one. */
  readonly context?: string;
  /** Where token, ca.crt and namespace of the service account are. Default: where the kubelet puts them. */
  readonly serviceAccountFolder?: string;
}

const NAME = 'kubernetes';
/** The data key that OpenMetadata's library reads. */
const DATA_KEY = 'value';
const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** `secret:my-db-password` is the key `value` of the Secret `my-db-password`. */
export function createKubernetesProvider(options: KubernetesProviderOptions = {}): SecretProvider {
  const { env = {}, serviceAccountFolder: folder = SERVICE_ACCOUNT_FOLDER, clock = systemClock() } = options;
  let access: KubernetesAccess | undefined;
  let namespace = options.namespace ?? env['KUBERNETES_NAMESPACE'] ?? '';
  const open = once(async () => {
    if (namespace === '') namespace = await podNamespace(folder);
    if (!NAMESPACE.test(namespace)) throw badNamespace(namespace);
    return (access = await openAccess({ ...options, env, folder }));
  });
  const describe = (): SecretProviderDescription => ({
    name: NAME,
    location:
      (namespace === '' ? 'the namespace of the pod' : `the namespace ${namespace}`) +
      (access === undefined ? '' : ` of ${access.url}`),
    ...(access === undefined ? {} : { identity: access.identity }),
  });

  const read = async (id: string, { key = DATA_KEY }: SecretSelection, signal: AbortSignal): Promise<StoredValue> => {
    const { url, request } = await open();
    const path = `/api/v1/namespaces/${namespace}/secrets/${encodeURIComponent(id)}`;
    const answer = await getJson(url + path, { ...(await request()), signal });
    if (answer.status !== 200) throw new ApiRefusal(answer);
    const { data, version } = secretObject(answer.body, id, describe());
    const encoded = Object.hasOwn(data, key) ? data[key] : undefined;
    if (encoded === undefined) throw keyMissing(id, key, Object.keys(data), describe());
    return { value: Buffer.from(encoded, 'base64'), ...(version === undefined ? {} : { version }) };
  };
  return createStoreProvider(
    {
      name: NAME,
      selectors: ['key'],
      describe,
      read,
      explain: (error, id) => explainKubernetes(error, { about: describe(), id, namespace, now: clock.now() }),
      close: () => access?.close(),
    },
    options,
  );
}

async function podNamespace(folder: string): Promise<string> {
  // Outside a pod there is no such file, and the library goes on with this name.
  return await readFile(join(folder, 'namespace'), 'utf8').then(
    (text) => text.trim(),
    () => 'default',
  );
}

function badNamespace(namespace: string): Error {
  return secretError('secret_misconfigured', `${shownId(namespace)} cannot be the name of a namespace`, {
    provider: NAME,
    hint: 'set KUBERNETES_NAMESPACE to the namespace in which the Secrets are',
  });
}

interface SecretObject {
  readonly data: Readonly<Record<string, string>>;
  readonly version?: string;
}

/** Parsed by hand: a parser's error would quote the Secret. */
function secretObject(body: Buffer, id: string, about: SecretProviderDescription): SecretObject {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch {
    parsed = undefined;
  }
  const { kind, data, metadata } = (parsed ?? {}) as { kind?: unknown; data?: unknown; metadata?: unknown };
  if (kind !== 'Secret') {
    throw storeFailure(about, id, {
      code: 'secret_misconfigured',
      message: `${about.location} answered with something that is not a Secret`,
      hint: 'check that the address is that of the API server and not of a proxy in front of it',
    });
  }
  const texts = Object.entries((data ?? {}) as Record<string, unknown>).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  const version = (metadata as { resourceVersion?: unknown } | undefined)?.resourceVersion;
  return { data: Object.fromEntries(texts), ...(typeof version === 'string' ? { version } : {}) };
}

function keyMissing(id: string, key: string, keys: readonly string[], about: SecretProviderDescription): Error {
  const present = keys.slice(0, 8).map(shownId).join(', ');
  return storeFailure(about, id, {
    code: 'secret_key_missing',
    message: `the Secret {id} has no data key ${shownId(key)}${present === '' ? '' : `; it has ${present}`}`,
    hint: `store the value under the key "${key}"; OpenMetadata's library would have gone on with an empty text`,
  });
}
