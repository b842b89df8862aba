import { isRunnerError, messageOf, redactText } from '@runner/core';
import type { ConfigMap } from '@runner/kube';
import type { Finding } from '../config/finding.ts';

/** The outcome of one run of the helper, as it stands in the status ConfigMap. Never holds a secret. */
export interface RegistryStatus {
  /** `written`: in every namespace. `partly`: in some. `failed`: in none. */
  readonly outcome: 'written' | 'partly' | 'failed';
  /** Of the pull secret that ends first, epoch milliseconds; undefined when no namespace has one that says. */
  readonly expiresAt: number | undefined;
  readonly updatedAt: number;
  readonly registry: string | undefined;
  readonly code: string | undefined;
  readonly message: string;
  readonly hint: string | undefined;
}

const OUTCOMES: ReadonlySet<string> = new Set<RegistryStatus['outcome']>(['written', 'partly', 'failed']);
const LONGEST = 1_024;

/** A merge patch of the data of the ConfigMap: null takes away. */
export type StatusData = Readonly<Record<string, string | null>>;

export function statusData(status: RegistryStatus): StatusData {
  return {
    outcome: status.outcome,
    updatedAt: timeOf(status.updatedAt),
    expiresAt: status.expiresAt === undefined ? null : timeOf(status.expiresAt),
    registry: status.registry ?? null,
    code: status.code ?? null,
    message: safe(status.message),
    hint: status.hint === undefined ? null : safe(status.hint),
  };
}

/** Of a run that could not begin: what stood there of the pull secret stays. */
export function misconfiguredData(problems: readonly Finding[], now: number): StatusData {
  return {
    outcome: 'failed',
    updatedAt: timeOf(now),
    code: 'registry_misconfigured',
    message: safe(problems.map(({ variable, message }) => `${variable} ${message}`).join('; ')),
    hint: safe(problems[0]?.fix ?? ''),
  };
}

/** Of a run that had to end before it had written anything: what stood there of the pull secret stays. */
export function endedEarlyData(why: string, now: number): StatusData {
  return {
    outcome: 'failed',
    updatedAt: timeOf(now),
    code: 'registry_timed_out',
    message: safe(`${why}, before the pull secret was written`),
    hint: 'see the log of the job for what it waited for',
  };
}

/** What a ConfigMap says; undefined for one that nobody has written to yet, or that is something else. */
export function readStatus({ data = {} }: Pick<ConfigMap, 'data'>): RegistryStatus | undefined {
  const { outcome = '', message = '', expiresAt, registry, code, hint, updatedAt = '' } = data;
  const updated = Date.parse(updatedAt);
  if (!OUTCOMES.has(outcome) || Number.isNaN(updated)) return undefined;
  const expires = Date.parse(expiresAt ?? '');
  return {
    outcome: outcome as RegistryStatus['outcome'],
    expiresAt: Number.isNaN(expires) ? undefined : expires,
    updatedAt: updated,
    registry,
    code,
    message,
    hint,
  };
}

/** Code, message and hint of anything that was thrown. */
export function wordsOf(error: unknown): Pick<RegistryStatus, 'code' | 'message' | 'hint'> {
  if (isRunnerError(error)) return { code: error.code, message: error.message, hint: error.hint };
  return { code: 'internal', message: messageOf(error), hint: undefined };
}

const timeOf = (at: number): string => new Date(at).toISOString();
const safe = (text: string): string => redactText(text).slice(0, LONGEST);
