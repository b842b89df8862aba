import type {
  BatchGetSecretValueResponse,
  GetSecretValueResponse,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { abortError, systemClock } from '@runner/core';
import type { BatchAnswer, SecretFetchOptions, SecretProvider, SecretProviderDescription } from '../provider.ts';
import { secretError } from '../errors.ts';
import type { SecretSelection } from '../selectors/selection.ts';
import { storeFailure } from '../store/failure.ts';
import { loadSdk, once } from '../store/sdk.ts';
import type { StoredValue } from '../store/store-provider.ts';
import { createStoreProvider, factsOf, toSecret } from '../store/store-provider.ts';
import { clientConfiguration, sendOnce } from './client.ts';
import { explainAws } from './failures.ts';
import type { AwsProviderOptions } from './options.ts';
import { awsIdentity, awsPlace, regionOf } from './options.ts';
import { validateSecretId } from '../secret-id.ts';

const NAME = 'aws';
const PACKAGE = '@aws-sdk/client-secrets-manager';
/** The most ids BatchGetSecretValue takes. */
const BATCH_LIMIT = 20;
/** The text that OpenMetadata's library reads as no value at all. */
export const NULL_TEXT = 'null';

/** `secret:/team/db/password` is the secret of that name in AWS Secrets Manager, its whole text, at its current stage. */
export function createAwsProvider(options: AwsProviderOptions = {}): SecretProvider {
  const { env = {}, clock = systemClock() } = options;
  let opened: { client: SecretsManagerClient; readonly close: () => void } | undefined;
  const open = once(async () => {
    const place = awsPlace(NAME, 'secretsmanager', options);
    const sdk = await loadSdk(NAME, PACKAGE, () => import('@aws-sdk/client-secrets-manager'));
    const { configuration, close } = await clientConfiguration('secretsmanager', place, options);
    const client = new sdk.SecretsManagerClient(configuration);
    opened = { client, close };
    return { client, sdk };
  });
  const describe = (): SecretProviderDescription => describeAws(NAME, 'AWS Secrets Manager', options);
  const explain = (error: unknown, id: string): Error =>
    explainAws(error, {
      about: describe(),
      id,
      region: regionOf(options),
      service: 'secretsmanager',
      action: 'secretsmanager:GetSecretValue',
      env,
      now: clock.now(),
    });

  const read = async (
    id: string,
    { version, stage }: SecretSelection,
    abortSignal: AbortSignal,
  ): Promise<StoredValue> => {
    const { client, sdk } = await open();
    const command = new sdk.GetSecretValueCommand({
      SecretId: id,
      ...(version === undefined ? {} : { VersionId: version }),
      ...(stage === undefined ? {} : { VersionStage: stage }),
    });
    const answer = await sendOnce(client, () => client.send(command, { abortSignal }));
    return stored(answer, id, describe());
  };
  const provider = createStoreProvider(
    {
      name: NAME,
      selectors: ['version', 'stage'],
      describe,
      read,
      explain,
      close: () => {
        opened?.client.destroy();
        opened?.close();
      },
    },
    options,
  );
  const fetchMany = async (
    ids: readonly string[],
    { signal }: SecretFetchOptions,
  ): Promise<ReadonlyMap<string, BatchAnswer>> => {
    if (signal.aborted) throw abortError(signal);
    // Ids with selectors, and wrong ones, are for `fetch` to judge.
    const plain = ids.filter((id) => validateSecretId(NAME, id).length === 0).slice(0, BATCH_LIMIT);
    const [first] = plain;
    if (first === undefined) return new Map();
    const answer = await provider.run(first, signal, async (abortSignal) => {
      const { client, sdk } = await open();
      const command = new sdk.BatchGetSecretValueCommand({ SecretIdList: plain });
      return await sendOnce(client, () => client.send(command, { abortSignal }));
    });
    return batchAnswers(answer, plain, { about: describe(), explain });
  };
  return { ...provider, fetchMany, batchLimit: BATCH_LIMIT };
}

/** Where and as whom, for both services. */
export function describeAws(
  name: 'aws' | 'aws-ssm',
  service: string,
  options: AwsProviderOptions,
): SecretProviderDescription {
  const { env = {} } = options;
  const region = regionOf(options);
  const notes =
    !options.region && !env['AWS_DEFAULT_REGION'] && region !== ''
      ? ['the region comes from AWS_REGION, which the ingestion library does not read: set AWS_DEFAULT_REGION']
      : [];
  return {
    name,
    location: `${service} in ${region === '' ? 'no region' : region}`,
    identity: awsIdentity(options),
    ...(notes.length === 0 ? {} : { notes }),
  };
}

function stored(answer: GetSecretValueResponse, id: string, about: SecretProviderDescription): StoredValue {
  const { SecretString: text, SecretBinary: bytes, VersionId: version } = answer;
  if (text === undefined && bytes !== undefined) {
    throw secretError('secret_binary', `the secret ${JSON.stringify(id)} holds bytes and no text`, {
      ...factsOf(about),
      id,
      hint: 'store it as SecretString; OpenMetadata’s library would have handed on the text of the reference as the password',
    });
  }
  if (text === NULL_TEXT) throw nullText(id, about);
  return { value: text, ...(version === undefined ? {} : { version }) };
}

/** The library turns this text into an empty password. */
export function nullText(id: string, about: SecretProviderDescription): Error {
  return storeFailure(about, id, {
    code: 'secret_empty',
    message: 'the secret {id} holds the text null, which stands for no value',
    hint: "store a value; OpenMetadata's library would have gone on with an empty text",
  });
}

interface Batch {
  readonly about: SecretProviderDescription;
  readonly explain: (error: unknown, id: string) => Error;
}

function batchAnswers(
  { SecretValues = [], Errors = [] }: BatchGetSecretValueResponse,
  asked: readonly string[],
  { about, explain }: Batch,
): ReadonlyMap<string, BatchAnswer> {
  const answers = new Map<string, BatchAnswer>();
  const attempt = (id: string, make: () => BatchAnswer): void => {
    try {
      answers.set(id, make());
    } catch (error) {
      answers.set(id, { ok: false, error: error as Error });
    }
  };
  for (const { SecretId = '', ErrorCode: name = '', Message: message = '' } of Errors) {
    if (asked.includes(SecretId)) answers.set(SecretId, { ok: false, error: explain({ name, message }, SecretId) });
  }
  for (const value of SecretValues) {
    const id = value.Name ?? '';
    if (!asked.includes(id)) continue;
    attempt(id, () => ({ ok: true, secret: toSecret(stored(value, id, about), { id, selection: {}, about }) }));
  }
  return answers;
}
