import type { Clock } from '@runner/core';
import { abortError, isAbort, systemClock } from '@runner/core';
import { withDeadline } from '../deadline.ts';
import { isSecretError, secretError, shownId } from '../errors.ts';
import type { FetchedSecret, SecretProvider, SecretProviderDescription } from '../provider.ts';
import { secretText } from '../provider.ts';
import { malformedId } from '../reference.ts';
import type { SecretsManagerName } from '../secret-id.ts';
import { validateSecretId } from '../secret-id.ts';
import { pickFromJson } from '../selectors/json-key.ts';
import type { SecretSelection, SelectorName } from '../selectors/selection.ts';
import { parseSelection } from '../selectors/selection.ts';

/** What every provider of a cloud or cluster can be told. */
export interface StoreOptions {
  /** The environment that settings are read from, usually `process.env`. Default: empty. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Time for one call with everything it needs, credentials included, in milliseconds. Default 15,000. */
  readonly callTimeoutMs?: number;
  /** Lets ids carry selectors behind `#`, which OpenMetadata's library does not know. Default false. */
  readonly selectors?: boolean;
  readonly clock?: Clock;
}

/** A value as a store gave it. */
export interface StoredValue {
  readonly value: string | Uint8Array | undefined;
  readonly version?: string;
}

/** One store: how it is asked, and what its failures mean. */
export interface Store {
  readonly name: SecretsManagerName;
  /** Selectors this store understands, beside `json`. */
  readonly selectors: readonly SelectorName[];
  describe(): SecretProviderDescription;
  /** One attempt. May reject with anything; `explain` turns it into one of this package's errors. */
  read(id: string, selection: SecretSelection, signal: AbortSignal): Promise<StoredValue>;
  /** Says what a foreign error means. Must not attach it as the cause: vendors' errors quote answers. */
  explain(error: unknown, id: string): Error;
  close?(): void | Promise<void>;
}

export const DEFAULT_CALL_TIMEOUT_MS = 15_000;

/** Facts about the provider for an error. */
export function factsOf({ name, location, identity }: SecretProviderDescription): {
  readonly provider: string;
  readonly location: string;
  readonly identity?: string;
} {
  return { provider: name, location, ...(identity === undefined ? {} : { identity }) };
}

export interface StoreProvider extends SecretProvider {
  /** Runs an operation under the provider's own deadline, with its errors explained. */
  run<T>(id: string, signal: AbortSignal, operation: (inner: AbortSignal) => Promise<T>): Promise<T>;
}

/**
 * What all stores have in common: ids are judged before anything is sent, no call outlives its deadline whatever the
 * vendor's client does, and nothing but this package's errors comes out.
 */
export function createStoreProvider(store: Store, options: StoreOptions): StoreProvider {
  const { clock = systemClock(), callTimeoutMs = DEFAULT_CALL_TIMEOUT_MS, selectors = false } = options;

  const late = (id: string): Error => {
    const about = store.describe();
    return secretError(
      'secret_timed_out',
      `the secret ${shownId(id)} was not answered within ${callTimeoutMs} ms by ${about.location}`,
      { ...factsOf(about), id, hint: 'check that the store, and what gives the credentials, can be reached from here' },
    );
  };
  const run: StoreProvider['run'] = async (id, signal, operation) => {
    try {
      return await withDeadline(operation, { clock, ms: callTimeoutMs, signal, late: () => late(id) });
    } catch (error) {
      if (isSecretError(error) || (isAbort(error) && signal.aborted)) throw error;
      throw store.explain(error, id);
    }
  };
  const select = (id: string): { readonly bare: string; readonly selection: SecretSelection } => {
    const {
      id: bare,
      selection,
      problems,
    } = selectors ? parseSelection(id, ['json', ...store.selectors]) : { id, selection: {}, problems: [] };
    const [problem] = [...problems, ...validateSecretId(store.name, bare)];
    if (problem !== undefined) throw malformedId(id, problem, store.name);
    return { bare, selection };
  };
  const fetch = async (id: string, signal: AbortSignal): Promise<FetchedSecret> => {
    if (signal.aborted) throw abortError(signal);
    const { bare, selection } = select(id);
    const stored = await run(id, signal, (inner) => store.read(bare, selection, inner));
    return toSecret(stored, { id, selection, about: store.describe() });
  };
  return {
    run,
    describe: () => store.describe(),
    fetch: (id, { signal }) => fetch(id, signal),
    close: async () => {
      await store.close?.();
    },
  };
}

interface Fetching {
  readonly id: string;
  readonly selection: SecretSelection;
  readonly about: SecretProviderDescription;
}

/** A stored value as text, or the part of it a selector asks for. */
export function toSecret({ value, version }: StoredValue, { id, selection, about }: Fetching): FetchedSecret {
  const facts = { ...factsOf(about), id };
  const secret = secretText(value ?? '', facts);
  const picked =
    selection.json === undefined ? secret : secretText(pickFromJson(secret.value, selection.json, facts), facts);
  return version === undefined ? picked : { ...picked, version };
}
