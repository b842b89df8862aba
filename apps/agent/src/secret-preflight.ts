import type { PreflightFinding } from '@runner/executor';
import type { CheckResult } from '@runner/secrets/exec';
import type { CheckSecrets } from './secret-check.ts';

/** A reference to be read once at the start. `check` is undefined where it cannot be. */
export interface SecretPreflight {
  readonly reference: string;
  readonly check: CheckSecrets | undefined;
}

/** Has a reference read as workloads would, and says what became of it. */
export async function secretFindings(
  { reference, check }: SecretPreflight,
  signal: AbortSignal,
): Promise<readonly PreflightFinding[]> {
  if (check === undefined) return [notKnown(reference, 'This agent has no way to run the check.')];
  const answer = await check([reference], signal);
  if ('problem' in answer) return [notKnown(reference, answer.problem.message, answer.problem.hint)];
  return answer.results.flatMap(findingsOf);
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
    code: 'secret_check_failed',
    message: `it is not known whether workloads can read ${reference}: ${why}`,
    ...(hint === undefined ? {} : { hint }),
  };
}
