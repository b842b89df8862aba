import type { Findings } from './finding.ts';

const HOUR_SECONDS = 3600;

/** An ended workload is the only record of its outcome until that was reported. */
export function warnShortLife(variable: string, seconds: number, what: string, out: Findings): void {
  if (seconds >= HOUR_SECONDS) return;
  out.warnings.push({
    variable,
    read: String(seconds),
    message: `removes ended ${what} within an hour: an outcome may be gone before it was reported`,
    fix: `use ${HOUR_SECONDS} or more`,
  });
}
