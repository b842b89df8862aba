import { RunnerError, messageOf } from '@runner/core';
import { Cron } from 'croner';

/** When a pipeline is due, as it stands in `airflowConfig`. */
export interface Schedule {
  /** Five fields, or a nickname such as `@daily`. */
  readonly expression: string;
  /** IANA name. */
  readonly timeZone: string;
  /** Epoch milliseconds; no slot before. */
  readonly startAt?: number;
  /** Epoch milliseconds; no slot after. */
  readonly endAt?: number;
}

const NICKNAMES: ReadonlyMap<string, string> = new Map([
  ['@hourly', '0 * * * *'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@weekly', '0 0 * * 0'],
  ['@monthly', '0 0 1 * *'],
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
]);

const LONGEST_EXPRESSION = 256;

/** The five fields of an expression, with nicknames spelt out. Rejects with `invalid_schedule`. */
export function fiveFields(expression: string): string {
  const text = expression.trim();
  const fields = NICKNAMES.get(text.toLowerCase()) ?? text;
  const count = fields.split(/\s+/).length;
  if (expression.length > LONGEST_EXPRESSION || count !== 5 || fields.startsWith('@')) {
    throw invalid(`the schedule ${shown(expression)} has ${count} field(s) instead of five`);
  }
  return fields;
}

/**
 * Refuses what never fires or means something else here. Croner's extensions (seconds, years, L, W, #) are not part of
 * the promise and would not survive a move to another scheduler.
 */
export function checkSchedule({ expression, timeZone }: Schedule, now: number): void {
  const fields = fiveFields(expression);
  if (!/^[\d*,/\-\sa-z]+$/i.test(fields) || /[lw]/i.test(fields.replace(/jul|wed/gi, ''))) {
    throw invalid(`the schedule ${shown(expression)} has characters that five-field cron does not know`);
  }
  checkTimeZone(timeZone);
  if (cronOf(fields, timeZone).nextRun(new Date(now)) === null) {
    throw invalid(`the schedule ${shown(expression)} never comes round`);
  }
}

export function checkTimeZone(timeZone: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone });
  } catch (error) {
    throw new RunnerError('invalid_schedule', `there is no time zone ${shown(timeZone)}`, {
      hint: 'give the IANA name, such as Europe/Berlin or UTC',
      cause: error,
    });
  }
}

/**
 * The first slot strictly after an instant, or undefined when there is none any more.
 *
 * Over a change of the clocks it does what Vixie cron does: a fixed time that does not exist fires once at the end of the
 * gap, one that exists twice fires at the first; schedules with a wildcard follow the real hours.
 */
export function nextSlot(schedule: Schedule, after: number): number | undefined {
  const from = Math.max(after, (schedule.startAt ?? -Infinity) - 1);
  const next = cronOf(fiveFields(schedule.expression), schedule.timeZone).nextRun(new Date(from))?.getTime();
  return next === undefined || next > (schedule.endAt ?? Infinity) ? undefined : next;
}

/** The newest slot in (after, until], or undefined. Slots between are passed over: they are never caught up. */
export function latestSlot(schedule: Schedule, after: number, until: number): number | undefined {
  const cron = cronOf(fiveFields(schedule.expression), schedule.timeZone);
  const end = Math.min(until, schedule.endAt ?? Infinity);
  // Croner looks strictly before its reference, in whole seconds.
  const latest = cron.previousRuns(1, new Date((Math.floor(end / 1000) + 1) * 1000))[0]?.getTime();
  return latest === undefined || latest <= after || latest < (schedule.startAt ?? -Infinity) ? undefined : latest;
}

function cronOf(fields: string, timeZone: string): Cron {
  try {
    return new Cron(fields, { mode: '5-part', timezone: timeZone, fixedTimeRule: 'no-wildcard', paused: true });
  } catch (error) {
    throw new RunnerError('invalid_schedule', `the schedule ${shown(fields)} cannot be read: ${messageOf(error)}`, {
      hint: HINT,
      cause: error,
    });
  }
}

const HINT = 'write minute, hour, day of month, month and day of week, such as "30 2 * * 1-5", or @daily';

function invalid(message: string): RunnerError {
  return new RunnerError('invalid_schedule', message, { hint: HINT });
}

const shown = (text: string): string => JSON.stringify(text.slice(0, 80));
