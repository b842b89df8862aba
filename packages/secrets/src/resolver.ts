import type { Clock, Logger, Random, RunnerError, Secret } from '@runner/core';
import { isAbort, isRunnerError, messageOf, silentLogger, systemClock, systemRandom } from '@runner/core';
import { secretError } from './errors.ts';
import type { RegisterSecrets } from './exec/registration.ts';
import type { Batch } from './batches.ts';
import { createBatches } from './batches.ts';
import { createCircuit } from './circuit.ts';
import { createExpiringMap } from './expiring-map.ts';
import type { Fetched } from './fetching.ts';
import { fetchSecret } from './fetching.ts';
import { createGate } from './gate.ts';
import { inTurns } from './in-turns.ts';
import type { FetchedSecret, SecretProvider, SecretProviderDescription } from './provider.ts';
import { parseSecretReference, requireSecretId } from './reference.ts';
import type { ResolveOptions, SecretResolution } from './resolution.ts';
import type { ResolveConfigOptions, ResolvedConfig } from './resolve-config.ts';
import { resolveConfig } from './resolve-config.ts';
import { createSharedCalls } from './shared-calls.ts';

/** What happened, for metrics. Ids are not given: they would be labels without bound. */
export interface SecretObserver {
  /** A provider was asked, all attempts together. `outcome` is `ok` or the code of the error. */
  onFetch?(event: {
    readonly provider: string;
    readonly outcome: string;
    readonly attempts: number;
    readonly durationMs: number;
  }): void;
  /** A reference was answered without asking. */
  onCacheHit?(event: { readonly provider: string; readonly outcome: string }): void;
}

export interface SecretResolverOptions {
  readonly provider: SecretProvider;
  /** How long a value is kept, in milliseconds. Default 60,000: a rotated secret is seen after that. 0 keeps nothing. */
  readonly ttlMs?: number;
  /** How long a failure is kept, so that a broken reference is not asked for in a loop. Default 5,000. */
  readonly negativeTtlMs?: number;
  /** So many ids in use are kept for certain, and never more than twice as many. Default 10,000. */
  readonly cacheLimit?: number;
  /** Calls to the provider at the same time. Default 8. */
  readonly concurrency?: number;
  /** Time for one secret from its first attempt on, retries and pauses included. Default 30,000. */
  readonly deadlineMs?: number;
  /** Time for one attempt. Default 10,000. */
  readonly attemptTimeoutMs?: number;
  /** Attempts at most, the first included. Default 4. One that was throttled does not count: the deadline ends those. */
  readonly attempts?: number;
  /** The shortest and the longest pause between attempts. Default 200 and 5,000; a longer one the store asks for is kept. */
  readonly retryFloorMs?: number;
  readonly retryCapMs?: number;
  /** Failures in a row, of whichever secret, after which the store is left alone for a while. Default 10. */
  readonly circuitFailures?: number;
  /** The longest time it is left alone, in milliseconds, unless it asks for more. Default 30,000. */
  readonly circuitCapMs?: number;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Gets warnings about values that were probably stored wrongly, once each. Default: says nothing. */
  readonly logger?: Logger;
  readonly observer?: SecretObserver;
  /**
   * Told every value before anybody gets it, so that it can be kept out of the output: `inheritedRegister` of
   * `@runner/secrets/exec`. A value that cannot be told is not given. Default: nobody is told.
   */
  readonly register?: RegisterSecrets;
}

/** Turns references into values. Every error is a RunnerError with one of the codes of the README. */
export interface SecretResolver extends AsyncDisposable {
  /** The value of `secret:<id>`. A text that is no reference is refused, never returned. */
  resolve(reference: string, options?: ResolveOptions): Promise<Secret>;
  /** One answer for each reference, in their order; a failing one does not fail the others. */
  resolveAll(references: readonly string[], options?: ResolveOptions): Promise<readonly SecretResolution[]>;
  /** A document with every reference replaced by its value; see `ResolvedConfig`. The argument is left alone. */
  resolveConfig<T>(config: T, options?: ResolveConfigOptions): Promise<ResolvedConfig<T>>;
  /** Forgets what is known of one id, or of all: the next call asks the provider. */
  forget(id?: string): void;
  describe(): SecretProviderDescription;
  /** Aborts what is under way, forgets everything and closes the provider. Idempotent. */
  close(): Promise<void>;
}

type Known =
  { readonly ok: true; readonly secret: FetchedSecret } | { readonly ok: false; readonly error: RunnerError };

const DEFAULTS = {
  ttlMs: 60_000,
  negativeTtlMs: 5_000,
  cacheLimit: 10_000,
  concurrency: 8,
  deadlineMs: 30_000,
  attemptTimeoutMs: 10_000,
  attempts: 4,
  retryFloorMs: 200,
  retryCapMs: 5_000,
  circuitFailures: 10,
  circuitCapMs: 30_000,
};
const CIRCUIT_FLOOR_MS = 1_000;
/** References of one `resolveAll` that are worked on at once, for each call at once: as many as the largest batch has. */
const IN_WORK = 32;

export function createSecretResolver(given: SecretResolverOptions): SecretResolver {
  const options = {
    ...DEFAULTS,
    clock: systemClock(),
    random: systemRandom(),
    logger: silentLogger,
    ...given,
  };
  const { provider, clock, logger } = options;
  const cache = createExpiringMap<Known>(clock, options.cacheLimit);
  const calls = createSharedCalls<Secret>();
  const gate = createGate(Math.max(1, options.concurrency));
  const circuit = createCircuit({
    clock,
    random: options.random,
    threshold: Math.max(1, options.circuitFailures),
    floorMs: Math.min(CIRCUIT_FLOOR_MS, options.circuitCapMs),
    capMs: options.circuitCapMs,
    describe: () => provider.describe(),
  });
  const batchesFor = createBatches({ ...options, gate, circuit });
  const observe = guardedObserver(given.observer, logger);
  const warn = onceEach(options.cacheLimit);
  let closing: Promise<void> | undefined;

  const ask = async (id: string, signal: AbortSignal, batch?: Batch): Promise<Secret> => {
    const began = clock.monotonic();
    const { name } = provider.describe();
    const note = (outcome: string, attempts: number): void =>
      observe.onFetch?.({ provider: name, outcome, attempts, durationMs: clock.monotonic() - began });
    try {
      const { secret, attempts } =
        (await fromBatch(batch, id, signal)) ?? (await fetchSecret(id, signal, { ...options, gate, circuit }));
      note('ok', attempts);
      await given.register?.([secret.value]);
      if (closing === undefined) cache.set(id, { ok: true, secret }, options.ttlMs);
      for (const { code, message } of secret.warnings) {
        warn(`${code} ${id}`, () => logger.warn(message, { provider: name, id, code }));
      }
      return secret.value;
    } catch (error) {
      if (isRunnerError(error) && !isAbort(error)) {
        note(error.code, 0);
        if (closing === undefined) cache.set(id, { ok: false, error }, options.negativeTtlMs);
      }
      throw error;
    }
  };

  const resolve = async (
    reference: string,
    { signal }: ResolveOptions = {},
    batches?: ReadonlyMap<string, Batch>,
  ): Promise<Secret> => {
    if (closing !== undefined) throw closed();
    const id = requireSecretId(reference);
    const known = cache.get(id);
    if (known === undefined) {
      return await calls
        .join(id, signal, (inner) => ask(id, inner, batches?.get(id)))
        .catch((error: unknown) => {
          throw closing !== undefined && isAbort(error) ? closed() : error;
        });
    }
    observe.onCacheHit?.({ provider: provider.describe().name, outcome: known.ok ? 'ok' : known.error.code });
    if (!known.ok) throw known.error;
    return known.secret.value;
  };

  /** Ids that nobody knows nor asks for yet. */
  const unknownIds = (references: readonly string[]): readonly string[] => {
    const ids = new Set<string>();
    for (const reference of references) {
      const parsed = parseSecretReference(reference);
      if (parsed?.problems.length !== 0 || calls.has(parsed.id) || cache.get(parsed.id) !== undefined) continue;
      ids.add(parsed.id);
    }
    return [...ids];
  };

  const resolveAll = async (
    references: readonly string[],
    given: ResolveOptions = {},
  ): Promise<readonly SecretResolution[]> => {
    const batches = batchesFor(unknownIds(references));
    const distinct = [...new Set(references)];
    const answers = await inTurns(distinct, IN_WORK * Math.max(1, options.concurrency), (reference) =>
      resolve(reference, given, batches).then(
        (value): SecretResolution => ({ reference, ok: true, value }),
        (error: unknown): SecretResolution => {
          if (!isRunnerError(error) || isAbort(error)) throw error;
          return { reference, ok: false, error };
        },
      ),
    );
    const known = new Map(answers.map((answer) => [answer.reference, answer]));
    return references.map((reference) => known.get(reference) as SecretResolution);
  };

  const close = (): Promise<void> =>
    (closing ??= Promise.resolve().then(async () => {
      calls.abort();
      cache.clear();
      await provider.close?.();
    }));

  return {
    resolve: (reference, resolveOptions) => resolve(reference, resolveOptions),
    resolveAll,
    resolveConfig: (config, configOptions = {}) => resolveConfig(config, resolveAll, configOptions),
    forget: (id) => (id === undefined ? cache.clear() : cache.delete(id)),
    describe: () => provider.describe(),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** A batch's answer for an id; undefined when the id has to be asked for alone, be it because its error may pass. */
async function fromBatch(batch: Batch | undefined, id: string, signal: AbortSignal): Promise<Fetched | undefined> {
  const answer = await batch?.answerFor(id, signal);
  if (answer?.ok === true) return { secret: answer.secret, attempts: 1 };
  if (answer !== undefined && isRunnerError(answer.error) && !answer.error.retryable) throw answer.error;
  return undefined;
}

function closed(): RunnerError {
  return secretError('secret_resolver_closed', 'the resolver was closed');
}

/** An observer that throws must not decide whether a secret is read. */
function guardedObserver(observer: SecretObserver | undefined, logger: Logger): SecretObserver {
  if (observer === undefined) return {};
  const guarded =
    <E>(callback: ((event: E) => void) | undefined) =>
    (event: E): void => {
      try {
        callback?.(event);
      } catch (error) {
        logger.error('an observer of secrets failed', { error: messageOf(error) });
      }
    };
  return {
    onFetch: guarded(observer.onFetch?.bind(observer)),
    onCacheHit: guarded(observer.onCacheHit?.bind(observer)),
  };
}

/** Runs each action once by its key; forgets all keys when there are more than `limit`. */
function onceEach(limit: number): (key: string, action: () => void) => void {
  const seen = new Set<string>();
  return (key, action) => {
    if (seen.has(key)) return;
    if (seen.size >= limit) seen.clear();
    seen.add(key);
    action();
  };
}
