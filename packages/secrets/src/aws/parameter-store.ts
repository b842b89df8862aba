import type { SSMClient } from '@aws-sdk/client-ssm';
import { systemClock } from '@runner/core';
import type { SecretProvider, SecretProviderDescription } from '../provider.ts';
import { loadSdk, once } from '../store/sdk.ts';
import type { SecretSelection } from '../selectors/selection.ts';
import type { StoredValue } from '../store/store-provider.ts';
import { createStoreProvider } from '../store/store-provider.ts';
import { clientConfiguration, sendOnce } from './client.ts';
import { explainAws } from './failures.ts';
import type { AwsProviderOptions } from './options.ts';
import { awsPlace, regionOf } from './options.ts';
import { NULL_TEXT, describeAws, nullText } from './secrets-manager.ts';

const NAME = 'aws-ssm';
const PACKAGE = '@aws-sdk/client-ssm';

/** `secret:/team/db/password` is the parameter of that name in Systems Manager, decrypted. */
export function createAwsSsmProvider(options: AwsProviderOptions = {}): SecretProvider {
  const { env = {}, clock = systemClock() } = options;
  let opened: { client: SSMClient; readonly close: () => void } | undefined;
  const open = once(async () => {
    const place = awsPlace(NAME, 'ssm', options);
    const sdk = await loadSdk(NAME, PACKAGE, () => import('@aws-sdk/client-ssm'));
    const { configuration, close } = await clientConfiguration('ssm', place, options);
    const client = new sdk.SSMClient(configuration);
    opened = { client, close };
    return { client, sdk };
  });
  const describe = (): SecretProviderDescription => describeAws(NAME, 'AWS Parameter Store', options);

  const read = async (
    id: string,
    { version, stage }: SecretSelection,
    abortSignal: AbortSignal,
  ): Promise<StoredValue> => {
    const { client, sdk } = await open();
    const which = version ?? stage;
    const command = new sdk.GetParameterCommand({
      Name: which === undefined ? id : `${id}:${which}`,
      WithDecryption: true,
    });
    const { Parameter: parameter } = await sendOnce(client, () => client.send(command, { abortSignal }));
    if (parameter?.Value === NULL_TEXT) throw nullText(id, describe());
    return {
      value: parameter?.Value,
      ...(parameter?.Version === undefined ? {} : { version: String(parameter.Version) }),
    };
  };
  return createStoreProvider(
    {
      name: NAME,
      selectors: ['version', 'stage'],
      describe,
      read,
      explain: (error, id) =>
        explainAws(error, {
          about: describe(),
          id,
          region: regionOf(options),
          service: 'ssm',
          action: 'ssm:GetParameter',
          env,
          now: clock.now(),
        }),
      close: () => {
        opened?.client.destroy();
        opened?.close();
      },
    },
    options,
  );
}
