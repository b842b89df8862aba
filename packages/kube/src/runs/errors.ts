import type { RunnerError } from '@runner/core';
import { isRunnerError, messageOf, redactText } from '@runner/core';
import type { ExecutorErrorCode } from '@runner/executor';
import { executorError } from '@runner/executor';
import type { KubeErrorCode, KubeErrorDetails } from '../errors.ts';

interface Meaning {
  readonly code: ExecutorErrorCode;
  readonly message: string;
  readonly hint: string;
}

/** What differs between the executors in what they say about errors. */
export interface ErrorWords {
  /** What a workload is made of: `Jobs`. */
  readonly kind: string;
  /** Where the table of the rights is: `@runner/executor-k8s`. */
  readonly readme: string;
}

/** What a refusal of the API means for a run that is to be created or changed. Anything else: it cannot be asked now. */
const meanings = ({ kind, readme }: ErrorWords): Readonly<Partial<Record<KubeErrorCode, Meaning>>> => ({
  kube_throttled: {
    code: 'executor_waiting',
    message: 'The API server has no room for more requests just now',
    hint: 'It is tried again. Look for who else loads the API server, and for its priority and fairness settings.',
  },
  kube_quota_exceeded: {
    code: 'executor_waiting',
    message: 'A quota of the namespace is used up',
    hint: 'The run waits until others have ended. Raise the ResourceQuota of the namespace, or the limits of the agent are too wide for it.',
  },
  kube_not_found: {
    code: 'executor_waiting',
    message: `The namespace of the workloads does not exist, or the cluster has no ${kind} of this version`,
    hint: 'Create the namespace that INGESTION_NAMESPACE names, with the service account of the workloads and the rights of the agent in it.',
  },
  kube_forbidden: {
    code: 'executor_unavailable',
    message: 'The agent lacks a right',
    hint: `Grant it in the agent's Role; the README of ${readme} has the table.`,
  },
  kube_admission_denied: {
    code: 'invalid_spec',
    message: 'The cluster does not admit the workload',
    hint: 'A policy or webhook of the cluster refuses it as it is; its owner can say what it asks for.',
  },
  kube_invalid: {
    code: 'invalid_spec',
    message: 'The API server finds the workload invalid',
    hint: 'The field that it names comes from the placement or pod settings of the agent, or from the name of the run.',
  },
});

/** An error of the Kubernetes port in an executor's words. Aborts and errors of executors pass through. */
export function asExecutorError(error: unknown, words: ErrorWords): unknown {
  if (!isRunnerError(error)) return executorError('executor_unavailable', messageOf(error), { cause: error });
  if (!error.code.startsWith('kube_')) return error;
  const meaning = meanings(words)[error.code as KubeErrorCode];
  const hint = meaning?.hint ?? error.hint;
  return executorError(
    meaning?.code ?? 'executor_unavailable',
    meaning === undefined ? reasonOf(error) : `${meaning.message}: ${reasonOf(error)}`,
    { cause: error, ...(hint === undefined ? {} : { hint }), details: detailsOf(error) },
  );
}

const LONGEST_QUOTE = 100;
const LONGEST_REASON = 1_000;

/**
 * What the API server said. It quotes values that it does not like, and one of them may be the config, so long quotes are
 * left out; the paths of fields stay.
 */
export function reasonOf(error: unknown): string {
  const text = messageOf(error).replaceAll(/"(?:[^"\\]|\\.)*"/g, (quote) =>
    quote.length > LONGEST_QUOTE ? '"…"' : quote,
  );
  return redactText(text.slice(0, LONGEST_REASON));
}

function detailsOf(error: RunnerError): Record<string, unknown> {
  const { status, reason, verb, resource, namespace, retryAfterSeconds } = error.details as KubeErrorDetails;
  return { cause: error.code, status, reason, verb, resource, namespace, retryAfterSeconds };
}
