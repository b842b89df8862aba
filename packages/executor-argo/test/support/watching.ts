import { testRunSpec } from '@runner/executor/testing';

export { watched } from '@runner/executor/testing';
/** A signal that nobody aborts. */
export const calm: AbortSignal = new AbortController().signal;
export const { owner } = testRunSpec();
