import type { Clock, Logger, Random } from '@runner/core';
import { RunnerError, isAbort } from '@runner/core';
import type { KubeApi } from '@runner/kube';
import { askForToken } from './asking.ts';
import type { AskingOptions } from './asking.ts';
import type { RegistryStatus } from './status.ts';
import { wordsOf } from './status.ts';
import type { RegistryToken, RegistryTokens } from './tokens.ts';
import { presentPullSecret, writePullSecret } from './writer.ts';

export interface HelperOptions extends Pick<AskingOptions, 'deadlineMs' | 'backoff'> {
  readonly tokens: RegistryTokens;
  readonly api: KubeApi;
  readonly secretName: string;
  readonly namespaces: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** A pull secret that is written every six hours must last longer than that. */
const USUAL_PAUSE_MS = 6 * 3_600_000;

/** One run: a token, written into every namespace. Never rejects, except for an abort before anything was written. */
export async function refreshPullSecrets(options: HelperOptions): Promise<RegistryStatus> {
  const { tokens, logger } = options;
  try {
    const token = await askForToken(tokens, options);
    tellLifetime(token, options);
    return await writeEverywhere(token, options);
  } catch (error) {
    if (isAbort(error)) throw error;
    logger.error('there is no token for the registry', { registryType: tokens.kind, identity: tokens.identity, error });
    return await withoutToken(error, options);
  }
}

function tellLifetime({ registry, expiresAt }: RegistryToken, { tokens, clock, logger }: HelperOptions): void {
  const minutes = Math.round((expiresAt - clock.now()) / 60_000);
  const about = { registryType: tokens.kind, registry, expiresAt: new Date(expiresAt).toISOString() };
  logger.info('the registry gave a token', about);
  if (expiresAt - clock.now() >= USUAL_PAUSE_MS) return;
  logger.warn(`this token lasts ${minutes} minutes: the schedule of the CronJob must be shorter than that`, about);
}

async function writeEverywhere(token: RegistryToken, options: HelperOptions): Promise<RegistryStatus> {
  const { namespaces, secretName, logger, clock, signal } = options;
  const expiries: number[] = [];
  const failures: { readonly namespace: string; readonly error: unknown }[] = [];
  const isOver = (): boolean => signal.aborted;
  for (const namespace of namespaces) {
    if (isOver()) {
      failures.push({ namespace, error: endedEarly(namespace) });
      continue;
    }
    try {
      const { how, expiresAt } = await writePullSecret(namespace, token, options);
      expiries.push(expiresAt);
      logger.info(`the pull secret is ${HOW[how]}`, { namespace, secret: secretName, how });
    } catch (error) {
      if (isOver() && expiries.length === 0) throw error;
      failures.push({ namespace, error: isOver() ? endedEarly(namespace) : error });
      logger.error('the pull secret cannot be written', { namespace, secret: secretName, error });
      const present = await presentPullSecret(namespace, options);
      if (present.kind === 'present' && present.expiresAt !== undefined) expiries.push(present.expiresAt);
    }
  }
  const base = { updatedAt: clock.now(), registry: token.registry, expiresAt: earliest(expiries) };
  const [first] = failures;
  if (first === undefined) {
    const message = `the pull secret ${secretName} is valid until ${new Date(token.expiresAt).toISOString()}`;
    return { ...base, outcome: 'written', code: undefined, message, hint: undefined };
  }
  const { code, message, hint } = wordsOf(first.error);
  const others = failures.length === 1 ? '' : `; and ${failures.length - 1} more namespaces`;
  const outcome = failures.length < namespaces.length ? 'partly' : 'failed';
  return { ...base, outcome, code, message: `${message}${others}`, hint };
}

const endedEarly = (namespace: string): RunnerError =>
  new RunnerError('aborted', `the registry helper ended before it came to the namespace ${namespace}`);

const HOW = {
  created: 'made',
  updated: 'renewed',
  same: 'as it should be',
  newer: 'newer than this token: another helper has renewed it',
} as const;

/** Nothing is touched: the secret of before is good for as long as it lasts. */
async function withoutToken(error: unknown, options: HelperOptions): Promise<RegistryStatus> {
  const { namespaces, secretName, clock } = options;
  const present = await Promise.all(namespaces.map((namespace) => presentPullSecret(namespace, options)));
  const there = present.flatMap((each) => (each.kind === 'present' ? [each] : []));
  const missing = namespaces.filter((_, index) => present[index]?.kind === 'none');
  const expiresAt = earliest(there.flatMap((each) => each.expiresAt ?? []));
  const { code, message, hint } = wordsOf(error);
  const now = clock.now();
  return {
    outcome: 'failed',
    updatedAt: now,
    expiresAt,
    registry: there.find((each) => each.registry !== undefined)?.registry,
    code,
    message: `${message}; ${consequence({ there: there.length, missing, of: namespaces.length }, expiresAt, secretName, now)}`,
    hint,
  };
}

interface Standings {
  /** In how many namespaces a pull secret stands. */
  readonly there: number;
  /** Those in which none does, as far as it can be seen. */
  readonly missing: readonly string[];
  readonly of: number;
}

function consequence(
  { there, missing, of }: Standings,
  expiresAt: number | undefined,
  name: string,
  now: number,
): string {
  if (missing.length === of) return `there is no pull secret ${name} yet, so images cannot be pulled with it`;
  const without = missing.length === 0 ? '' : `, and there is none in ${missing.join(', ')}`;
  if (there === 0) return `whether there is a pull secret ${name} of before cannot be seen${without}`;
  if (expiresAt === undefined) {
    return `the pull secret ${name} of before stays, it does not say for how long it is valid${without}`;
  }
  const at = new Date(expiresAt).toISOString();
  return expiresAt > now
    ? `the pull secret ${name} of before stays and is valid until ${at}${without}`
    : `the pull secret ${name} expired at ${at}${without}`;
}

const earliest = (times: readonly number[]): number | undefined =>
  times.length === 0 ? undefined : Math.min(...times);
