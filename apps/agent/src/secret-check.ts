import { isRunnerError } from '@runner/core';
import type { Executor, ProbeEnd } from '@runner/executor';
import { requireSecretId } from '@runner/secrets';
import type { CheckResult } from '@runner/secrets/exec';
import { parseChecks, runnerSecretsCommand } from '@runner/secrets/exec';
import type { SecretCheckSettings } from './config/secrets.ts';

/** A pod may have to wait for its image first. */
const TIMEOUT_MS = 180_000;
/** Where a container leaves its termination message unless it is told otherwise. */
const TERMINATION_MESSAGE = '/dev/termination-log';
const IMAGE_HINT = 'SECRETS_PREFLIGHT_IMAGE must hold the program runner-secrets and be one that the cluster can pull.';

/** What became of each reference, in their order, or why nothing is known of any. */
export type SecretCheckAnswer =
  | { readonly results: readonly CheckResult[] }
  | { readonly problem: { readonly code: string; readonly message: string; readonly hint?: string } };

/** Reads references where workloads run and as they would. Rejects when aborted only. */
export type CheckSecrets = (references: readonly string[], signal: AbortSignal) => Promise<SecretCheckAnswer>;

/**
 * The values stay where they are read: what comes back is the answer of `runner-secrets check`, which holds none.
 * @returns undefined when this agent cannot: no image is named, the executor runs no probes, or a bundle lacks the program
 */
export function secretCheck(
  settings: SecretCheckSettings | undefined,
  executor: Pick<Executor, 'probe'>,
): CheckSecrets | undefined {
  const probe = executor.probe?.bind(executor);
  const own = runnerSecretsCommand();
  if (settings === undefined || probe === undefined || (settings.image === undefined && own === undefined))
    return undefined;
  const { manager, image } = settings;
  // In a pod nothing but the config names the store.
  const [program = '', ...args] =
    image === undefined
      ? [...(own ?? []), 'check', '--json', '--provider', manager]
      : ['runner-secrets', 'check', '--json', '--output', TERMINATION_MESSAGE, '--provider', manager];
  const where = image === undefined ? {} : { image };
  return async (references, signal) => {
    // They come from outside: only what is a reference becomes an argument.
    const refused = new Map(references.flatMap((reference) => malformed(reference, manager)));
    const asked = [...new Set(references)].filter((reference) => !refused.has(reference));
    if (asked.length === 0) return { results: inOrder(references, refused) };
    try {
      const command = [program, ...args, ...asked] as const;
      const answer = answerOf(asked, await probe({ command, timeoutMs: TIMEOUT_MS, ...where }, signal));
      if ('problem' in answer) return answer;
      const known = answer.results.map((result) => [result.reference, result] as const);
      return { results: inOrder(references, new Map([...refused, ...known])) };
    } catch (error) {
      if (signal.aborted || !isRunnerError(error)) throw error;
      return failed(error.message, error.hint);
    }
  };
}

function malformed(reference: string, provider: string): readonly (readonly [string, CheckResult])[] {
  try {
    requireSecretId(reference);
    return [];
  } catch (error) {
    if (!isRunnerError(error)) throw error;
    return [[reference, { reference, provider, location: '', ok: false, warnings: [], error: error.toJSON() }]];
  }
}

function inOrder(references: readonly string[], results: ReadonlyMap<string, CheckResult>): readonly CheckResult[] {
  return references.flatMap((reference) => results.get(reference) ?? []);
}

function answerOf(references: readonly string[], { message, exitCode, trouble }: ProbeEnd): SecretCheckAnswer {
  const results = parseChecks(message) ?? [];
  if (references.every((reference, index) => results[index]?.reference === reference)) return { results };
  return failed(trouble ?? `The check ended with exit code ${exitCode ?? 'unknown'} and without an answer.`);
}

function failed(message: string, hint: string = IMAGE_HINT): SecretCheckAnswer {
  return { problem: { code: 'secret_check_failed', message, hint } };
}
