import type { DoctorContext } from './context.ts';

export type Group = 'configuration' | 'network' | 'kubernetes' | 'argo' | 'secrets' | 'agent';

/** `warn`: runs work, or it is not known; `fail`: something does not work; `skipped`: does not apply here, or was not asked for. */
export type Level = 'ok' | 'warn' | 'fail' | 'skipped';

/** One thing a check may find; docs/doctor.md has the table of all of them. */
export interface Reason {
  readonly level: Level;
  /** When it is found, as a sentence. */
  readonly when: string;
  /** What to do about it in general; the result may say it more exactly. */
  readonly fix?: string;
}

/** What a check found. Never holds a secret value. */
export interface Result {
  readonly level: Level;
  /** Stable code. */
  readonly reason: string;
  readonly message: string;
  readonly fix?: string;
}

export type Say<R extends string> = (reason: R, message: string, fix?: string) => Result;

/** One question about the runner's surroundings. Creates nothing, unless its documentation says so. */
export interface Check {
  readonly id: string;
  readonly group: Group;
  /** What it looks at, for the documentation. */
  readonly looksAt: string;
  readonly deadlineMs: number;
  readonly reasons: Readonly<Record<string, Reason>>;
  run(context: DoctorContext, signal: AbortSignal): Promise<readonly Result[]>;
}

interface Parts<R extends string> extends Omit<Check, 'reasons' | 'run' | 'deadlineMs'> {
  /** Milliseconds; default 15,000. */
  readonly deadlineMs?: number;
  readonly reasons: Readonly<Record<R, Reason>>;
  readonly run: (context: DoctorContext, say: Say<R>, signal: AbortSignal) => Promise<readonly Result[]>;
}

const DEADLINE_MS = 15_000;

/** A check whose results can only be what its table of reasons holds. */
export function defineCheck<R extends string>({ reasons, run, deadlineMs = DEADLINE_MS, ...rest }: Parts<R>): Check {
  const say: Say<R> = (reason, message, fix = reasons[reason].fix) => ({
    level: reasons[reason].level,
    reason,
    message,
    ...(fix === undefined ? {} : { fix }),
  });
  return { ...rest, deadlineMs, reasons, run: (context, signal) => run(context, say, signal) };
}

/** Whether a code that came from elsewhere is one that the check knows. */
export const isReason = <R extends string>(reasons: Readonly<Record<R, unknown>>, code: string): code is R =>
  Object.hasOwn(reasons, code);

/** Found by the runner of the checks itself, for any check. */
export const COMMON_REASONS = {
  cluster_not_asked: {
    level: 'skipped',
    when: 'The executor is local, or the API server cannot be asked (the check `cluster` says why).',
  },
  timed_out: {
    level: 'warn',
    when: 'The check did not end within its deadline.',
    fix: 'Run doctor again; if it lasts, look at what the check asks.',
  },
  interrupted: {
    level: 'warn',
    when: 'Doctor was told to end (SIGTERM, Ctrl-C) before the check was done. It then ends with 1.',
    fix: 'Run doctor again, and let it end.',
  },
  check_failed: {
    level: 'warn',
    when: 'The check met an error it has no other reason for.',
    fix: 'The message says what happened.',
  },
} as const satisfies Readonly<Record<string, Reason>>;
