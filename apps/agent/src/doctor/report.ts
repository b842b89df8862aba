import { EXIT } from '../host.ts';
import { VERSION } from '../version.ts';
import type { Level, Result } from './check.ts';
import { worst } from './examination.ts';
import type { Examined } from './examination.ts';
import type { Redact } from './redaction.ts';

/** What doctor says, as `--json` prints it. */
export interface Report {
  readonly version: string;
  /** RFC 3339. */
  readonly at: string;
  readonly verdict: Level;
  readonly exitCode: number;
  readonly checks: readonly (Examined & { readonly level: Level })[];
}

/** The same without any secret in its texts; ids and codes are ours, and stay. */
export function redactedReport(report: Report, redact: Redact): Report {
  const redacted = ({ message, fix, ...rest }: Result): Result => ({
    ...rest,
    message: redact(message),
    ...(fix === undefined ? {} : { fix: redact(fix) }),
  });
  return { ...report, checks: report.checks.map((check) => ({ ...check, results: check.results.map(redacted) })) };
}

/** @param isConfigured false: the configuration is wrong, and nothing else could be looked at */
export function reportOf(examined: readonly Examined[], isConfigured: boolean, now: number): Report {
  const verdict = worst(examined.flatMap(({ results }) => results));
  return {
    version: VERSION,
    at: new Date(now).toISOString(),
    verdict,
    exitCode: exitCode(verdict, isConfigured),
    checks: examined.map((one) => ({ ...one, level: worst(one.results) })),
  };
}

function exitCode(verdict: Level, isConfigured: boolean): number {
  if (!isConfigured) return EXIT.misconfigured;
  return verdict === 'fail' ? EXIT.fault : EXIT.left;
}

const WIDTH = 'skipped'.length;

/** For people: one line for each thing found, by group. */
export function reportText({ checks, verdict }: Report): string {
  const groups = [...new Set(checks.map(({ group }) => group))];
  const lines = groups.flatMap((group) => [
    group,
    ...checks
      .filter((check) => check.group === group)
      .flatMap(({ id, results }) => results.map((result) => lineOf(id, result))),
  ]);
  return `${[...lines, '', summary(checks, verdict)].join('\n')}\n`;
}

function lineOf(id: string, { level, reason, message, fix }: Result): string {
  const told = oneLine(message);
  if (level === 'ok' || level === 'skipped') return `  ${level.padEnd(WIDTH)} ${id}: ${told}`;
  const end = fix === undefined ? '' : ` Fix: ${oneLine(fix)}`;
  return `  ${level.padEnd(WIDTH)} ${id}: ${told.replace(/[^.!?)]$/, '$&.')} [${reason}]${end}`;
}

function summary(checks: Report['checks'], verdict: Level): string {
  const count = (level: Level): number => checks.filter((check) => check.level === level).length;
  const told = (['fail', 'warn', 'ok', 'skipped'] as const).map((level) => `${count(level)} ${level}`).join(', ');
  return `${verdict === 'fail' ? 'Something does not work' : 'Nothing that fails was found'}: ${told} of ${checks.length} checks.`;
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();
