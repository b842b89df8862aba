import type { ErrorWords } from '@runner/kube/runs';
import { asExecutorError } from '@runner/kube/runs';

const WORDS: ErrorWords = { kind: 'Jobs', readme: '@runner/executor-k8s' };

/** An error of the Kubernetes port in this executor's words. */
export const jobError = (error: unknown): unknown => asExecutorError(error, WORDS);
