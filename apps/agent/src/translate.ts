import { isRunnerError } from '@runner/core';
import type { Problem, Slots } from '@runner/dispatch';
import type { Diagnosis, Observation, Outcome, PresentObservation, RunSpec, WorkloadOwner } from '@runner/executor';
import { LIMITS } from '@runner/protocol';
import type {
  RunStart,
  WireDiagnosis,
  WireObservation,
  WireOutcome,
  WireSecretCheck,
  WireSlots,
} from '@runner/protocol';
import { SECRET_PREFIX, findSecretReferences } from '@runner/secrets';
import type { CheckResult } from '@runner/secrets/exec';

/**
 * The one file in which words of the wire become words of the domain and back. Whatever an executor says is cut to the
 * limits of the wire here, because a frame that breaks one costs the session.
 */

/** @param longestSeconds what a run may take at most here, whatever the control plane asks */
export function runSpecOf(run: RunStart, owner: WorkloadOwner, longestSeconds = Number.POSITIVE_INFINITY): RunSpec {
  return {
    runId: run.runId,
    owner,
    kind: run.kind,
    pipelineType: run.pipelineType,
    name: run.name,
    fqn: run.fqn,
    config: run.config,
    ...secretReferencesOf(run),
    ...(run.exitToken === undefined ? {} : { exitToken: run.exitToken }),
    deadlineSeconds: Math.min(run.deadlineSeconds, longestSeconds),
    ...(run.openMetadataVersion === undefined ? {} : { openMetadataVersion: run.openMetadataVersion }),
    ...(run.traceparent === undefined ? {} : { traceparent: run.traceparent }),
  };
}

/** What a connection that is too deep to be read holds does not matter: the policy refuses it. */
function secretReferencesOf({ connection }: RunStart): Pick<RunSpec, 'secretReferences'> {
  if (connection === undefined) return {};
  try {
    const ids = findSecretReferences(connection.value).map(({ id }) => id);
    return { secretReferences: [...new Set(ids)].map((each) => `${SECRET_PREFIX}${each}`) };
  } catch (error) {
    if (!isRunnerError(error)) throw error;
    return {};
  }
}

export function wireObservationOf(observation: Observation): WireObservation {
  const { runId } = observation;
  const observedAt = instant(observation.observedAt);
  switch (observation.presence) {
    case 'absent':
      return { presence: 'absent', runId, observedAt };
    case 'unknown':
      return { presence: 'unknown', runId, observedAt, reason: text(observation.reason) };
    case 'present':
      return present(observation, observedAt);
  }
}

function present(seen: PresentObservation, observedAt: number): WireObservation {
  const { kind, name, uid } = seen.workload;
  return {
    presence: 'present',
    runId: seen.runId,
    observedAt,
    workload: { kind: id(kind), name: id(name), uid: id(uid) },
    phase: seen.phase,
    pipelineType: id(seen.pipelineType),
    ...(seen.startedAt === undefined ? {} : { startedAt: instant(seen.startedAt) }),
    ...(seen.endedAt === undefined ? {} : { endedAt: instant(seen.endedAt) }),
    ...(seen.outcome === undefined ? {} : { outcome: wireOutcomeOf(seen.outcome) }),
    ...(seen.diagnosis === undefined ? {} : { diagnosis: wireDiagnosisOf(seen.diagnosis) }),
    ...(seen.suspended === undefined ? {} : { suspended: seen.suspended }),
  };
}

function wireOutcomeOf(outcome: Outcome): WireOutcome {
  return {
    result: outcome.result,
    ...(outcome.exitCode === undefined ? {} : { exitCode: outcome.exitCode }),
    ...(outcome.signal === undefined ? {} : { signal: id(outcome.signal) }),
    ...(outcome.diagnosis === undefined ? {} : { diagnosis: wireDiagnosisOf(outcome.diagnosis) }),
    ...(outcome.logTail === undefined ? {} : { logTail: logTail(outcome.logTail) }),
  };
}

export function wireDiagnosisOf(diagnosis: Diagnosis): WireDiagnosis {
  return {
    category: diagnosis.category,
    code: id(diagnosis.code),
    message: text(diagnosis.message),
    ...(diagnosis.hint === undefined ? {} : { hint: text(diagnosis.hint) }),
    permanent: diagnosis.permanent,
  };
}

export function wireProblemOf(problem: Problem): { code: string; message: string; hint?: string } {
  return {
    code: id(problem.code),
    message: text(problem.message),
    ...(problem.hint === undefined ? {} : { hint: text(problem.hint) }),
  };
}

/** What a control plane gets to know of a check: no value, and nothing of how the store is reached. */
export function wireSecretCheckOf({ reference, ok, error, warnings }: CheckResult): WireSecretCheck {
  return {
    reference,
    ok,
    ...(error === undefined ? {} : { code: id(error.code), message: text(error.message) }),
    ...(error?.hint === undefined ? {} : { hint: text(error.hint) }),
    warnings: warnings.map(({ code, message }) => ({ code: id(code), message: text(message) })),
  };
}

/** `startsSeen` is the session's to count. */
export function wireSlotsOf(slots: Slots): Omit<WireSlots, 'startsSeen'> {
  return { total: slots.total, free: slots.free, types: { ...slots.types } };
}

/** Clocks of file systems have fractions; the wire has whole milliseconds. */
const instant = (ms: number): number => Math.max(0, Math.round(ms));

const id = (value: string): string => (value === '' ? '-' : head(value, LIMITS.idLength));
const text = (value: string): string => head(value, LIMITS.textLength);

/** The first part of a text, never half a character. */
function head(value: string, length: number): string {
  if (value.length <= length) return value;
  const cut = value.slice(0, length - 1);
  return `${isHighSurrogate(cut.at(-1)) ? cut.slice(0, -1) : cut}…`;
}

/** An observation with its log must fit into a frame with room to spare, whatever JSON makes of odd characters. */
const LOG_TAIL_JSON_BYTES = LIMITS.frameBytes / 2;

/** The end of a log is what matters. */
function logTail(value: string): string {
  let tail = value.length > LIMITS.logTailLength ? value.slice(-LIMITS.logTailLength) : value;
  while (Buffer.byteLength(JSON.stringify(tail)) > LOG_TAIL_JSON_BYTES) tail = tail.slice(Math.ceil(tail.length / 2));
  return isLowSurrogate(tail.at(0)) ? tail.slice(1) : tail;
}

const isHighSurrogate = (unit: string | undefined): boolean =>
  unit !== undefined && unit >= '\ud800' && unit <= '\udbff';
const isLowSurrogate = (unit: string | undefined): boolean =>
  unit !== undefined && unit >= '\udc00' && unit <= '\udfff';
