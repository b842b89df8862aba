import type { Diagnosis, EndIntent, RunKind, RunSpec } from '@runner/executor';
import { RUN_ID_LABEL, storedDiagnosis } from '@runner/executor';
import type { ConfigDelivery, ContainerStatus, Job, KubeObject } from '@runner/kube';

/**
 * What must outlive the agent and has no room in labels, which are short and know few characters. Keys are those of our
 * own prefix, so that nothing a cluster adds by itself is taken for ours.
 */
const PREFIX = 'hybrid-ingestion-runner/';
export const ANNOTATIONS = {
  /** The runId as it was given. */
  runId: `${PREFIX}run-id`,
  /** OpenMetadata's spelling (`TestSuite`); the label is lower case. */
  pipelineType: `${PREFIX}pipeline-type`,
  kind: `${PREFIX}kind`,
  name: `${PREFIX}name`,
  fqn: `${PREFIX}fqn`,
  /** How the config comes to the pod: `inline`, or kind and name of the object: `secret/om-job-…-config`. */
  config: `${PREFIX}config`,
  /** Tells whose create it was, when an answer got lost and the second try finds the Job standing. */
  submission: `${PREFIX}submission`,
  /** Why it is ended before its time; JSON of `StoredIntent`. */
  intent: `${PREFIX}intent`,
  /** How the main program ended when others kept its pod; JSON of the API's `ContainerStateTerminated`. */
  mainEnd: `${PREFIX}main-end`,
} as const;

/** Marks config objects, beside the labels of their run. */
export const CONFIG_LABEL = `${PREFIX}config`;

/** An intent as it stands on a Job. The intent, not the outcome: what ended before keeps its own. */
export interface StoredIntent extends EndIntent {
  /** Epoch milliseconds by the clock of the agent that asked. */
  readonly at: number;
}

/** How the container `main` ended. */
export type MainEnd = NonNullable<NonNullable<ContainerStatus['state']>['terminated']>;

/** Longest message that is stored. */
const MAX_MESSAGE = 4_096;

export function runAnnotations(
  spec: RunSpec,
  delivery: ConfigDelivery,
  submission: string,
): Readonly<Record<string, string>> {
  return {
    [ANNOTATIONS.runId]: spec.runId,
    [ANNOTATIONS.pipelineType]: spec.pipelineType,
    [ANNOTATIONS.kind]: spec.kind,
    [ANNOTATIONS.name]: spec.name,
    [ANNOTATIONS.fqn]: spec.fqn,
    [ANNOTATIONS.config]: delivery.kind === 'inline' ? 'inline' : `${delivery.kind}/${delivery.name}`,
    [ANNOTATIONS.submission]: submission,
  };
}

export function runIdOf(object: KubeObject): string | undefined {
  return object.metadata?.annotations?.[ANNOTATIONS.runId] ?? object.metadata?.labels?.[RUN_ID_LABEL];
}

/** Undefined when the object does not say, which only somebody else can have brought about. */
export function pipelineTypeOf(object: KubeObject): string | undefined {
  const { annotations, labels } = object.metadata ?? {};
  return annotations?.[ANNOTATIONS.pipelineType] ?? labels?.['app.kubernetes.io/pipeline-type'];
}

const KINDS: ReadonlySet<string> = new Set<RunKind>(['pipeline', 'automation', 'application']);

export function kindOf(object: KubeObject): RunKind {
  const kind = object.metadata?.annotations?.[ANNOTATIONS.kind];
  return kind !== undefined && KINDS.has(kind) ? (kind as RunKind) : 'pipeline';
}

/** The object that holds the config of a Job, where it is one of its own. */
export function configObjectOf(job: Job): { readonly kind: 'secret' | 'configMap'; readonly name: string } | undefined {
  const [kind, name] = job.metadata?.annotations?.[ANNOTATIONS.config]?.split('/') ?? [];
  return (kind === 'secret' || kind === 'configMap') && name !== undefined ? { kind, name } : undefined;
}

export function intentText(intent: EndIntent, at: number): string {
  const stored: StoredIntent = {
    reason: intent.reason,
    ...(intent.message === undefined ? {} : { message: intent.message.slice(0, MAX_MESSAGE) }),
    ...(intent.diagnosis === undefined ? {} : { diagnosis: cutDiagnosis(intent.diagnosis) }),
    at,
  };
  return JSON.stringify(stored);
}

function cutDiagnosis(diagnosis: Diagnosis): Diagnosis {
  const { message, hint } = diagnosis;
  return {
    ...diagnosis,
    message: message.slice(0, MAX_MESSAGE),
    ...(hint === undefined ? {} : { hint: hint.slice(0, MAX_MESSAGE) }),
  };
}

const REASONS: ReadonlySet<unknown> = new Set<EndIntent['reason']>([
  'cancelled',
  'start_deadline',
  'permanent_failure',
]);

/** The intent on a Job. One that somebody wrote by hand and got wrong still ends the run: it counts as a cancel. */
export function intentOf(job: Job | undefined): StoredIntent | undefined {
  const text = job?.metadata?.annotations?.[ANNOTATIONS.intent];
  if (text === undefined) return undefined;
  const { reason, message, diagnosis, at } = parsed(text);
  const why = storedDiagnosis(diagnosis);
  return {
    reason: REASONS.has(reason) ? (reason as EndIntent['reason']) : 'cancelled',
    ...(typeof message === 'string' ? { message } : {}),
    ...(why === undefined ? {} : { diagnosis: why }),
    at: typeof at === 'number' ? at : 0,
  };
}

/** What is written of how `main` ended: all but its message, which is the program's own. */
export function mainEndText({ exitCode, signal, reason, startedAt, finishedAt }: MainEnd): string {
  return JSON.stringify({ exitCode, signal, reason, startedAt, finishedAt });
}

/** How `main` ended, where it was written down because the Job was ended for its other containers. */
export function mainEndOf(job: Job | undefined): MainEnd | undefined {
  const text = job?.metadata?.annotations?.[ANNOTATIONS.mainEnd];
  if (text === undefined) return undefined;
  const { exitCode, signal, reason, startedAt, finishedAt } = parsed(text);
  if (typeof exitCode !== 'number') return undefined;
  return {
    exitCode,
    ...(typeof signal === 'number' ? { signal } : {}),
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(typeof startedAt === 'string' ? { startedAt } : {}),
    ...(typeof finishedAt === 'string' ? { finishedAt } : {}),
  };
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
