import { isRunnerError } from '@runner/core';
import type { Executor, PreflightFinding, ProbeEnd } from '@runner/executor';
import type { CheckResult } from '@runner/secrets/exec';
import { parseChecks, runnerSecretsCommand } from '@runner/secrets/exec';
import type { SecretCheckSettings } from './config/secrets.ts';

/** A pod may have to wait for its image first. */
const TIMEOUT_MS = 180_000;
/** Where a container leaves its termination message unless it is told otherwise. */
const TERMINATION_MESSAGE = '/dev/termination-log';
const NOT_KNOWN = 'secret_check_failed';

/**
 * Reads a reference where workloads run and as they would, and says what became of it. The value stays there: what comes
 * back is the answer of `runner-secrets check`, which holds none.
 */
export async function checkSecret(
  { manager, reference, image }: SecretCheckSettings,
  executor: Pick<Executor, 'kind' | 'probe'>,
  signal: AbortSignal,
): Promise<readonly PreflightFinding[]> {
  const own = runnerSecretsCommand();
  if (executor.probe === undefined) return [notKnown(reference, `the executor ${executor.kind} cannot run a check.`)];
  if (image === undefined && own === undefined)
    return [notKnown(reference, 'this build of the agent has no runner-secrets.')];
  // In a pod nothing but the config names the store.
  const store = ['--provider', manager] as const;
  const command =
    image === undefined
      ? ([...(own ?? ['']), 'check', '--json', ...store, reference] as const)
      : (['runner-secrets', 'check', '--json', '--output', TERMINATION_MESSAGE, ...store, reference] as const);
  try {
    const [program, ...args] = command;
    const end = await executor.probe(
      { command: [program, ...args], timeoutMs: TIMEOUT_MS, ...(image === undefined ? {} : { image }) },
      signal,
    );
    return findings(reference, end);
  } catch (error) {
    if (signal.aborted || !isRunnerError(error)) throw error;
    return [notKnown(reference, error.message, error.hint)];
  }
}

function findings(reference: string, { message, exitCode, trouble }: ProbeEnd): readonly PreflightFinding[] {
  const [result] = parseChecks(message) ?? [];
  if (result !== undefined) return findingsOf(result);
  return [
    notKnown(reference, trouble ?? `its check ended with exit code ${exitCode ?? 'unknown'} and without an answer.`),
  ];
}

function findingsOf(result: CheckResult): readonly PreflightFinding[] {
  const { reference, warnings, error } = result;
  if (error !== undefined) {
    return [
      {
        level: 'error',
        code: error.code,
        message: `workloads cannot read ${reference}: ${error.message}`,
        ...(error.hint === undefined ? {} : { hint: error.hint }),
      },
    ];
  }
  return [
    { level: 'ok', code: 'secret_readable', message: `workloads can read ${reference} (${whereOf(result)})` },
    ...warnings.map(({ code, message }) => ({ level: 'warning' as const, code, message: `${reference}: ${message}` })),
  ];
}

function whereOf({ provider, location, identity }: CheckResult): string {
  return [provider, location, ...(identity === undefined ? [] : [`as ${identity}`])].join(', ');
}

function notKnown(reference: string, why: string, hint?: string): PreflightFinding {
  return {
    level: 'warning',
    code: NOT_KNOWN,
    message: `it is not known whether workloads can read ${reference}: ${why}`,
    hint: hint ?? 'SECRETS_PREFLIGHT_IMAGE must hold the program runner-secrets and be one that the cluster can pull.',
  };
}
