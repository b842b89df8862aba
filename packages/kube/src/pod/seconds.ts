/** Largest value of the API's 32-bit fields. */
const MAX_SECONDS = 2 ** 31 - 1;

/** Any time in seconds as the API takes it: whole, at least `least`, endless as the longest there is. */
export function wholeSeconds(seconds: number, least: number): number {
  if (!Number.isFinite(seconds)) return MAX_SECONDS;
  return Math.min(MAX_SECONDS, Math.max(least, Math.ceil(seconds)));
}

/** Added to the deadline of a workload, for a controller that is late and pods that take their time to go. */
const SLACK_SECONDS = 600;

/**
 * The deadline of a Job or Workflow itself, which counts waiting time too. It is only the backstop for when no agent is
 * there: the time to start, the time to run, and slack.
 */
export function backstopSeconds(deadlineSeconds: number, startDeadlineSeconds: number): number {
  return wholeSeconds(startDeadlineSeconds + deadlineSeconds + SLACK_SECONDS, 1);
}
