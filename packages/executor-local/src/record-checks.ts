import type { ProcessIdentity } from './process-table.ts';
import type {
  ClaimRecord,
  IntentRecord,
  LaunchRecord,
  LogExtent,
  OutcomeRecord,
  ProcessRecord,
  RunFacts,
} from './records.ts';
import { RECORD_VERSION } from './records.ts';

/**
 * Texts of files → records. A file is ours, but disks fail and people edit; what is not understood is said to be so and
 * never guessed. Written by hand, because the supervisor imports no other package.
 */
type Check<T> = (value: unknown) => value is T;
type Fields = Readonly<Record<string, unknown>>;

/** A file of a run that cannot be understood. */
export class UnreadableRecord extends Error {
  override readonly name = 'UnreadableRecord';
}

export const parseLaunch = (text: string): LaunchRecord => parsed(text, isLaunch, 'launch file');
export const parseClaim = (text: string): ClaimRecord => parsed(text, isClaim, 'claim');
export const parseProcess = (text: string): ProcessRecord => parsed(text, isProcess, 'process file');
export const parseIntent = (text: string): IntentRecord => parsed(text, isIntent, 'intent');
export const parseOutcome = (text: string): OutcomeRecord => parsed(text, isOutcome, 'outcome');

function parsed<T extends { readonly version: number }>(text: string, check: Check<T>, what: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UnreadableRecord(`The ${what} of the run is damaged.`, { cause: error });
  }
  if (!check(value)) throw new UnreadableRecord(`The ${what} of the run is not understood.`);
  return value;
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string';
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const isMaybe =
  <T>(check: Check<T>) =>
  (value: unknown): value is T | undefined =>
    value === undefined || check(value);
const isVersioned = (value: unknown): value is Fields => isFields(value) && value['version'] === RECORD_VERSION;

const isIdentity: Check<ProcessIdentity> = (value): value is ProcessIdentity =>
  isFields(value) &&
  isNumber(value['pid']) &&
  value['pid'] > 1 &&
  isText(value['startTime']) &&
  isText(value['bootId']);

const isRun: Check<RunFacts> = (value): value is RunFacts =>
  isFields(value) &&
  isText(value['runId']) &&
  isFields(value['owner']) &&
  isText(value['owner']['controlPlaneId']) &&
  isText(value['owner']['agentId']) &&
  isText(value['pipelineType']) &&
  isText(value['workloadName']) &&
  isNumber(value['deadlineSeconds']) &&
  isNumber(value['graceMs']) &&
  isNumber(value['maxLogBytes']);

const isLaunch: Check<LaunchRecord> = (value): value is LaunchRecord =>
  isVersioned(value) &&
  isRun(value['run']) &&
  Array.isArray(value['command']) &&
  value['command'].length > 0 &&
  value['command'].every(isText) &&
  isText(value['workingDirectory']) &&
  isFields(value['environment']) &&
  Object.values(value['environment']).every(isText);

const isClaim: Check<ClaimRecord> = (value): value is ClaimRecord =>
  isVersioned(value) &&
  isText(value['nonce']) &&
  isNumber(value['claimedAt']) &&
  isIdentity(value['supervisor']) &&
  isMaybe(isText)(value['socket']) &&
  isRun(value['run']);

const isProcess: Check<ProcessRecord> = (value): value is ProcessRecord =>
  isVersioned(value) && isIdentity(value['program']) && isNumber(value['startedAt']);

const REASONS: readonly unknown[] = ['cancelled', 'start_deadline', 'permanent_failure'];
const isIntent: Check<IntentRecord> = (value): value is IntentRecord =>
  isVersioned(value) &&
  REASONS.includes(value['reason']) &&
  isMaybe(isText)(value['message']) &&
  isMaybe(isDiagnosis)(value['diagnosis']);

const isDiagnosis = (value: unknown): value is Fields =>
  isFields(value) && ['category', 'code', 'message'].every((field) => isText(value[field]));

const isExtent: Check<LogExtent> = (value): value is LogExtent =>
  isFields(value) &&
  isNumber(value['kept']) &&
  isNumber(value['total']) &&
  isMaybe(isFields)(value['tail']) &&
  (value['tail'] === undefined || (isNumber(value['tail']['fromByte']) && isNumber(value['tail']['at']))) &&
  isMaybe(isText)(value['failed']);

const isOutcome: Check<OutcomeRecord> = (value): value is OutcomeRecord =>
  isVersioned(value) &&
  isNumber(value['endedAt']) &&
  isMaybe(isNumber)(value['startedAt']) &&
  isMaybe(isNumber)(value['exitCode']) &&
  isMaybe(isText)(value['signal']) &&
  isMaybe(isText)(value['startError']) &&
  isMaybe(isText)(value['stopped']) &&
  isMaybe(isText)(value['lost']) &&
  isExtent(value['log']);
