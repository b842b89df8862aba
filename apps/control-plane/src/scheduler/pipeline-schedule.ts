import { RunnerError } from '@runner/core';
import { objectOf, stringOf } from '../openmetadata/json.ts';
import type { JsonObject } from '../store/ports.ts';
import { checkSchedule } from './cron.ts';
import type { Schedule } from './cron.ts';

export interface PipelineSchedule extends Schedule {
  /** A slot that was missed for long still fires, but only the newest one. */
  readonly catchup: boolean;
}

/** The schedule a pipeline's `airflowConfig` describes; undefined without `scheduleInterval`. */
export function describedSchedule(pipeline: JsonObject): PipelineSchedule | undefined {
  const airflow = objectOf(pipeline['airflowConfig']);
  const expression = stringOf(airflow['scheduleInterval'])?.trim();
  if (expression === undefined || expression === '') return undefined;
  const startAt = instantOf(airflow['startDate'], 'startDate');
  const endAt = instantOf(airflow['endDate'], 'endDate');
  return {
    expression,
    timeZone: stringOf(airflow['pipelineTimezone']) ?? 'UTC',
    catchup: airflow['pipelineCatchup'] === true,
    ...(startAt === undefined ? {} : { startAt }),
    ...(endAt === undefined ? {} : { endAt }),
  };
}

/** The schedule that is in force: the pipeline is deployed, switched on and not paused. */
export function activeSchedule(pipeline: JsonObject): PipelineSchedule | undefined {
  const on =
    pipeline['deployed'] === true &&
    pipeline['enabled'] !== false &&
    pipeline['deleted'] !== true &&
    objectOf(pipeline['airflowConfig'])['pausePipeline'] !== true;
  return on ? describedSchedule(pipeline) : undefined;
}

/** For creating and updating: rejects with `invalid_schedule` what would never fire or cannot be read. */
export function checkPipelineSchedule(pipeline: JsonObject, now: number): void {
  const schedule = describedSchedule(pipeline);
  if (schedule !== undefined) checkSchedule(schedule, now);
}

function instantOf(value: unknown, field: string): number | undefined {
  const text = typeof value === 'number' ? value : stringOf(value);
  if (text === undefined) return undefined;
  const instant = typeof text === 'number' ? text : Date.parse(text);
  if (Number.isFinite(instant) && Math.abs(instant) <= 8.64e15) return instant;
  throw new RunnerError('invalid_schedule', `${field} is not a date`, {
    hint: 'write it as 2026-01-31 or 2026-01-31T08:00:00Z',
  });
}
