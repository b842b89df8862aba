import type { SecretProvider, SecretProviderDescription } from '../provider.ts';
import type { SecretSelection } from '../selectors/selection.ts';
import { storeFailure } from '../store/failure.ts';
import { once } from '../store/sdk.ts';
import type { StoredValue } from '../store/store-provider.ts';
import { DEFAULT_CALL_TIMEOUT_MS, createStoreProvider } from '../store/store-provider.ts';
import type { AccessAnswer, GcpClient } from './client.ts';
import { openClient } from './client.ts';
import { crc32c } from './crc32c.ts';
import { explainGcp } from './failures.ts';
import type { GcpProviderOptions } from './options.ts';
import { gcpPlace } from './options.ts';

const NAME = 'gcp';
const LATEST = 'latest';

/** `secret:db-password` is the newest version of the secret of that name in the project. */
export function createGcpProvider(options: GcpProviderOptions = {}): SecretProvider {
  const { env = {}, callTimeoutMs = DEFAULT_CALL_TIMEOUT_MS } = options;
  const project = options.project ?? env['GOOGLE_CLOUD_PROJECT'] ?? '';
  let opened: GcpClient | undefined;
  const open = once(async () => (opened = await openClient(gcpPlace(options), options)));
  const describe = (): SecretProviderDescription => ({
    name: NAME,
    location: `Google Secret Manager, project ${project === '' ? 'unset' : project}`,
    ...(opened === undefined ? {} : { identity: opened.identity }),
  });
  const read = async (id: string, { version = LATEST }: SecretSelection, signal: AbortSignal): Promise<StoredValue> => {
    const client = await open();
    const name = `projects/${project}/secrets/${id}/versions/${encodeURIComponent(version)}`;
    const answer = await client.access(name, callTimeoutMs, signal);
    return verified(answer, id, describe());
  };
  return createStoreProvider(
    {
      name: NAME,
      selectors: ['version'],
      describe,
      read,
      explain: (error, id) => explainGcp(error, { about: describe(), id, project }),
      close: () => opened?.close(),
    },
    options,
  );
}

/** The payload, once its checksum is right: the SDK does not look at it. */
function verified({ name, payload }: AccessAnswer, id: string, about: SecretProviderDescription): StoredValue {
  const data = payload?.data ?? '';
  const bytes = typeof data === 'string' ? Buffer.from(data, 'base64') : data;
  const sum = payload?.dataCrc32c;
  if (sum === undefined || sum === null || BigInt(sum.toString()) !== BigInt(crc32c(bytes))) {
    throw storeFailure(about, id, {
      code: 'secret_integrity',
      message:
        sum === undefined || sum === null
          ? 'the secret {id} came without a checksum, so it cannot be told whether it is whole'
          : 'the secret {id} was damaged on its way: its checksum is wrong',
      hint: 'something between here and Google changes answers; emulators that send no checksum cannot be used',
    });
  }
  const version = /\/versions\/([^/]+)$/.exec(name ?? '')?.[1];
  return { value: bytes, ...(version === undefined ? {} : { version }) };
}
