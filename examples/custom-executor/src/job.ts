import type { EndIntent, Outcome, PresentObservation, RunSpec } from '@runner/executor';
import {
  checkSpec,
  diagnoseOutput,
  intendedDiagnosis,
  runKey,
  serialiseConfig,
  workloadCommand,
  workloadEnvironment,
  workloadLabels,
  RUN_ID_LABEL,
} from '@runner/executor';
import type { Job, JobRequest } from './batch-service.ts';

/** The exact texts, which labels of the contract may shorten. */
const TYPE_LABEL = 'pipeline-type';

/** Name of a run's job: made of its runId alone, so that it is found without having been seen before. */
export function jobName(runId: string): string {
  return `ingestion-${runKey(runId)}`;
}

/** A run as a job: what the ingestion image expects, in the words of the batch service. */
export function jobRequest(spec: RunSpec): JobRequest {
  checkSpec(spec);
  return {
    command: workloadCommand(spec),
    environment: workloadEnvironment({
      spec,
      config: serialiseConfig(spec),
      workloadName: jobName(spec.runId),
      namespace: 'batch',
    }),
    labels: { ...workloadLabels(spec), [TYPE_LABEL]: spec.pipelineType },
    timeoutSeconds: spec.deadlineSeconds,
  };
}

/** Why a job is stopped travels with the job: after a restart of the agent nobody else knows it. */
export function noteOf(intent: EndIntent): string {
  return JSON.stringify(intent);
}

function intentOf(note: string | undefined): EndIntent | undefined {
  return note === undefined ? undefined : (JSON.parse(note) as EndIntent);
}

const PHASES = { waiting: 'pending', running: 'running', stopping: 'ending', done: 'ended' } as const;

/** A job as an observation. `tail` is the redacted end of its output, for jobs that failed. */
export function observationOf(job: Job, observedAt: number, tail: string): PresentObservation {
  return {
    presence: 'present',
    runId: job.labels[RUN_ID_LABEL] ?? '',
    observedAt,
    workload: { kind: 'BatchJob', name: job.name, uid: job.id },
    phase: PHASES[job.state],
    pipelineType: job.labels[TYPE_LABEL] ?? '',
    ...(job.startedAt === undefined ? {} : { startedAt: job.startedAt }),
    ...(job.endedAt === undefined ? {} : { endedAt: job.endedAt }),
    ...(job.state === 'done' ? { outcome: outcomeOf(job, tail) } : {}),
  };
}

function outcomeOf(job: Job, logTail: string): Outcome {
  const { how = 'exited', exitCode } = job.end ?? {};
  const intent = intentOf(job.note);
  const code = exitCode === undefined ? {} : { exitCode };
  if (how === 'exited' && exitCode === 0) return { result: 'succeeded', ...code };
  if (how === 'stopped' && intent?.reason === 'cancelled') return { result: 'cancelled', ...code };
  const permanent = true;
  if (how === 'timeout') {
    const message = 'The run took longer than its deadline.';
    return {
      result: 'failed',
      ...code,
      logTail,
      diagnosis: { category: 'deadline', code: 'run_deadline', message, permanent },
    };
  }
  if (how === 'stopped' && intent !== undefined) {
    return { result: 'failed', ...code, logTail, diagnosis: intendedDiagnosis(intent) };
  }
  const message = `The program ended with exit code ${exitCode ?? 'unknown'}.`;
  const fallback = { category: 'program', code: 'exit_code', message, permanent } as const;
  return { result: 'failed', ...code, logTail, diagnosis: diagnoseOutput(logTail) ?? fallback };
}
