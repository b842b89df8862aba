import type { Clock, Logger, Random } from '@runner/core';
import { isAbort } from '@runner/core';
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

/** One run: a token, written into every namespace. Never rejects, except for an abort. */
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
  for (const namespace of namespaces) {
    try {
      const { how, expiresAt } = await writePullSecret(namespace, token, options);
      expiries.push(expiresAt);
      logger.info(`the pull secret is ${HOW[how]}`, { namespace, secret: secretName, how });
    } catch (error) {
      if (signal.aborted) throw error;
      failures.push({ namespace, error });
      logger.error('the pull secret cannot be written', { namespace, secret: secretName, error });
      const present = await presentPullSecret(namespace, options);
      if (present?.expiresAt !== undefined) expiries.push(present.expiresAt);
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
  const expiresAt = earliest(present.flatMap((each) => each?.expiresAt ?? []));
  const { code, message, hint } = wordsOf(error);
  const now = clock.now();
  return {
    outcome: 'failed',
    updatedAt: now,
    expiresAt,
    registry: present.find((each) => each?.registry !== undefined)?.registry,
    code,
    message: `${message}; ${consequence(present, expiresAt, secretName, now)}`,
    hint,
  };
}

function consequence(
  present: readonly (object | undefined)[],
  expiresAt: number | undefined,
  name: string,
  now: number,
): string {
  if (present.every((each) => each === undefined))
    return `there is no pull secret ${name} yet, so images cannot be pulled with it`;
  if (expiresAt === undefined)
    return `the pull secret ${name} of before stays, it does not say for how long it is valid`;
  const at = new Date(expiresAt).toISOString();
  return expiresAt > now
    ? `the pull secret ${name} of before stays and is valid until ${at}`
    : `the pull secret ${name} expired at ${at}`;
}

const earliest = (times: readonly number[]): number | undefined =>
  times.length === 0 ? undefined : Math.min(...times);
