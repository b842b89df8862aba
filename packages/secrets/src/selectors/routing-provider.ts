import { secretError, shownId } from '../errors.ts';
import type { FetchedSecret, SecretFetchOptions, SecretProvider } from '../provider.ts';
import { malformedId } from '../reference.ts';
import { SELECTOR_NAMES, formatSelection, parseSelection } from './selection.ts';

export interface RoutingProviderOptions {
  /** Providers by the name that `#provider=` gives. */
  readonly providers: Readonly<Record<string, SecretProvider>>;
  /** The one for ids without that selector. */
  readonly primary: string;
}

/**
 * Several stores behind one resolver: `secret:db#provider=gcp` is read by the provider `gcp`. An extension that
 * OpenMetadata's library does not know; the other selectors go on to the provider that is chosen.
 */
export function createRoutingProvider({ providers, primary }: RoutingProviderOptions): SecretProvider {
  const known = new Map(Object.entries(providers));
  const main = known.get(primary);
  if (main === undefined) {
    throw secretError('secret_misconfigured', `there is no provider of the name ${shownId(primary)}`, {
      hint: 'let primary name one of the providers',
    });
  }
  const fetch = async (id: string, options: SecretFetchOptions): Promise<FetchedSecret> => {
    const { id: bare, selection, problems } = parseSelection(id, SELECTOR_NAMES);
    const [problem] = problems;
    if (problem !== undefined) throw malformedId(id, problem, main.describe().name);
    const { provider: wanted, ...rest } = selection;
    if (wanted === undefined) return await main.fetch(id, options);
    const chosen = known.get(wanted);
    if (chosen !== undefined) return await chosen.fetch(formatSelection(bare, rest), options);
    throw secretError('secret_malformed_id', `the secret id ${shownId(id)} names a provider that is not set up here`, {
      id,
      provider: main.describe().name,
      hint: `use one of ${[...known.keys()].join(', ')}`,
    });
  };
  const fetchMany = main.fetchMany?.bind(main);
  return {
    describe: () => main.describe(),
    fetch,
    ...(main.batchLimit === undefined ? {} : { batchLimit: main.batchLimit }),
    ...(fetchMany === undefined
      ? {}
      : {
          fetchMany: (ids: readonly string[], options: SecretFetchOptions) =>
            fetchMany(
              ids.filter((id) => !id.includes('#')),
              options,
            ),
        }),
    close: async () => {
      const closing = await Promise.allSettled(
        [...new Set(known.values())].map(async (each) => {
          await each.close?.();
        }),
      );
      for (const outcome of closing) if (outcome.status === 'rejected') throw outcome.reason;
    },
  };
}
