/**
 * What the system promises, by the names that a broken promise is reported under. The words before the first colon of
 * every sentence in `Notes.broken` are one of these.
 */
export const PROMISES = [
  /** Every submitted run has a row, and every row is closed in the end. */
  'run lost',
  /** At most one execution for each run. */
  'executed twice',
  /** The row says what the workload's outcome was, or what main said. */
  'wrong outcome',
  /** A run that is over has no living workload. */
  'not ended',
  /** No terminal state ever changes into a poorer one. */
  'terminal state degraded',
  /** What was cancelled before its offer, or confirmed as cancelled with nothing left, is not executed any more. */
  'cancel lost',
  /** Nobody but a user ends a workload as cancelled. */
  'ended unasked',
  /** No living workload is removed, and no ended one whose outcome nobody asked to discard. */
  'removed unasked',
  /** A row is accepted by an agent's answer to a start, and by nothing else. */
  'accepted unasked',
  /** No run is called lost or refused while its workload stands. */
  'closed in error',
  /** What was said under an epoch that is over is ignored, and counted. */
  'old epoch',
  /** No more workloads stand at once than the agent has slots. */
  'slots',
  /** Starts are sent within the credit the agent advertised. */
  'credit',
  /** A level comes first, and as one block: no start before its report, no start or cancel within it. */
  'level first',
  /** An outcome is called recorded once it is in the store. */
  'recorded too early',
  /** Only the instance that was told so, and while its connection lasts, creates workloads. */
  'created unasked',
  /** Whatever was lost on the way is repaired without anybody being started again. */
  'not repaired',
  /** Nothing is left in memory of what is over. */
  'memory',
  /** Every promise of the code has an owner. */
  'unhandled rejection',
] as const;

export type PromiseName = (typeof PROMISES)[number];

export const promiseOf = (sentence: string): PromiseName | undefined =>
  PROMISES.find((name) => sentence.startsWith(`${name}: `));
