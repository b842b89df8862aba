import type { RunnerError } from '@runner/core';
import { isAbort, toRunnerError } from '@runner/core';
import type { SecretProvider, SecretProviderDescription, SecretWarning } from '../provider.ts';
import { requireSecretId } from '../reference.ts';

/** What is known of one reference. Holds no value. */
export interface CheckResult {
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
  const about = aboutOf(provider.describe());
  try {
    const { warnings } = await provider.fetch(requireSecretId(reference), { signal });
    return { reference, ...about, ok: true, warnings };
  } catch (error) {
    if (isAbort(error)) throw error;
    const known = toRunnerError(error, 'secret_provider_failed');
    return { reference, ...about, ok: false, warnings: [], error: known.toJSON() };
  }
}

/** The same when the store could not even be opened. */
export function uncheckedReference(reference: string, provider: string, error: RunnerError): CheckResult {
  return { reference, provider, location: '', ok: false, warnings: [], error: error.toJSON() };
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
    return `ok      ${result.reference} (${where})${notes.join('')}\n`;
  }
  const { code, message, hint } = result.error;
  return `failed  ${result.reference} (${where})\n  ${code}: ${message}\n${hint === undefined ? '' : `  ${hint}\n`}`;
}
