import type { ErrorWords } from '@runner/kube/runs';
import { asExecutorError } from '@runner/kube/runs';

const WORDS: ErrorWords = { kind: 'Workflows', readme: '@runner/executor-argo' };

/** An error of either transport in this executor's words. */
export const workflowError = (error: unknown): unknown => asExecutorError(error, WORDS);
