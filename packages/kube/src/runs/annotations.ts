import type { Diagnosis, EndIntent, RunKind, RunSpec } from '@runner/executor';
import { RUN_ID_LABEL, storedDiagnosis } from '@runner/executor';
import type { KubeObject } from '../objects.ts';
import type { ConfigDelivery } from '../pod/settings.ts';

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
} as const;

/** An intent as it stands on a workload. The intent, not the outcome: what ended before keeps its own. */
export interface StoredIntent extends EndIntent {
  /** Epoch milliseconds by the clock of the agent that asked. */
  readonly at: number;
}

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

/** An intent as it is stored. */
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

/** The intent on a workload. One that somebody wrote by hand and got wrong still ends the run: it counts as a cancel. */
export function intentOf(object: KubeObject | undefined): StoredIntent | undefined {
  const text = object?.metadata?.annotations?.[ANNOTATIONS.intent];
  if (text === undefined) return undefined;
  const { reason, message, diagnosis, at } = parsedObject(text);
  const why = storedDiagnosis(diagnosis);
  return {
    reason: REASONS.has(reason) ? (reason as EndIntent['reason']) : 'cancelled',
    ...(typeof message === 'string' ? { message } : {}),
    ...(why === undefined ? {} : { diagnosis: why }),
    at: typeof at === 'number' ? at : 0,
  };
}

/** The object that a text of JSON is; empty when it is none. */
export function parsedObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
