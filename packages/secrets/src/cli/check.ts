import { Buffer } from 'node:buffer';
import type { RunnerError } from '@runner/core';
import { isAbort, toRunnerError } from '@runner/core';
import type { SecretProvider, SecretProviderDescription, SecretWarning } from '../provider.ts';
import { shownId } from '../errors.ts';
import { isSecretReference, requireSecretId } from '../reference.ts';

/** What is known of one reference. Holds no value. */
export interface CheckResult {
  /** Empty for a text that is no reference: it may be a value that somebody took for one. */
  readonly reference: string;
  readonly provider: string;
  readonly location: string;
  readonly identity?: string;
  readonly ok: boolean;
  /** Of a readable value: what OpenMetadata's library would take as it is, though it is probably a mistake. */
  readonly warnings: readonly SecretWarning[];
  readonly error?: ReturnType<RunnerError['toJSON']>;
}

/** Reads a reference as a workload would, and says how that went. One attempt: what is seen is what is so. */
export async function checkReference(
  reference: string,
  provider: SecretProvider,
  signal: AbortSignal,
): Promise<CheckResult> {
  // Asked afterwards: by then the provider knows as whom it spoke.
  const about = (): ReturnType<typeof aboutOf> => aboutOf(provider.describe());
  try {
    const { warnings } = await provider.fetch(requireSecretId(reference), { signal });
    return { reference, ...about(), ok: true, warnings };
  } catch (error) {
    if (isAbort(error)) throw error;
    const known = toRunnerError(error, 'secret_provider_failed');
    return { reference: told(reference), ...about(), ok: false, warnings: [], error: known.toJSON() };
  }
}

/** The same when the store could not even be opened. */
export function uncheckedReference(reference: string, provider: string, error: RunnerError): CheckResult {
  return { reference: told(reference), provider, location: '', ok: false, warnings: [], error: error.toJSON() };
}

function aboutOf({
  name,
  location,
  identity,
}: SecretProviderDescription): Omit<CheckResult, 'reference' | 'ok' | 'warnings'> {
  return { provider: name, location, ...(identity === undefined ? {} : { identity }) };
}

/** The same for people. */
export function describeCheck(result: CheckResult): string {
  const where = `${result.provider}, ${result.location}${result.identity === undefined ? '' : `, as ${result.identity}`}`;
  if (result.error === undefined) {
    const notes = result.warnings.map(({ code, message }) => `\n  note ${code}: ${message}`);
    return `ok      ${shown(result.reference)} (${where})${notes.join('')}\n`;
  }
  const { code, message, hint } = result.error;
  return `failed  ${shown(result.reference)} (${where})\n  ${code}: ${message}\n${hint === undefined ? '' : `  ${hint}\n`}`;
}

const told = (reference: string): string => (isSecretReference(reference) ? reference : '');

const shown = (reference: string): string =>
  reference === '' ? 'what is no reference' : shownId(reference).slice(1, -1);

/** Kubernetes keeps so many bytes of a termination message, and loses the beginning of a longer one. */
const MESSAGE_BYTES = 4_096;
const SHORT_TEXT = 160;

/** The results as JSON that a termination message can hold: what is needed least is left out first. */
export function checksAsMessage(results: readonly CheckResult[]): string {
  const forms: readonly ((result: CheckResult) => unknown)[] = [
    (result) => result,
    ({ error, ...rest }) => ({ ...rest, ...(error === undefined ? {} : { error: without(error) }) }),
    ({ error, warnings, ...rest }) => ({
      ...rest,
      warnings: warnings.map(({ code, message }) => ({ code, message: message.slice(0, SHORT_TEXT) })),
      ...(error === undefined ? {} : { error: { code: error.code, message: error.message.slice(0, SHORT_TEXT) } }),
    }),
    ({ reference, provider, ok, error }) => ({
      ...{ reference, provider, location: '', ok, warnings: [] },
      ...(error === undefined ? {} : { error: { code: error.code, message: '' } }),
    }),
  ];
  const texts = forms.map((form) => `${JSON.stringify(results.map(form))}\n`);
  return texts.find((text) => Buffer.byteLength(text) <= MESSAGE_BYTES) ?? texts.at(-1) ?? '';
}

function without({ code, message, hint }: NonNullable<CheckResult['error']>): unknown {
  return { code, message, hint };
}

/** What `runner-secrets check --json` wrote; undefined for any other text. */
export function parseChecks(text: string): readonly CheckResult[] | undefined {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    return undefined;
  }
  return Array.isArray(found) && found.every(isCheck) ? found : undefined;
}

function isCheck(value: unknown): value is CheckResult {
  const { reference, provider, location, identity, ok, warnings, error } = (value ?? {}) as Partial<CheckResult>;
  return (
    [reference, provider, location, identity ?? ''].every((each) => typeof each === 'string') &&
    typeof ok === 'boolean' &&
    Array.isArray(warnings) &&
    warnings.every(isSaid) &&
    (ok || (isSaid(error) && (error.hint === undefined || typeof error.hint === 'string')))
  );
}

const isSaid = (
  value: unknown,
): value is { readonly code: string; readonly message: string; readonly hint?: unknown } =>
  typeof value === 'object' &&
  value !== null &&
  ['code', 'message'].every((key) => typeof (value as Record<string, unknown>)[key] === 'string');
